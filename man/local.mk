# man
dist_man_MANS += man/gatehouse-consent.8
