# man
dist_man_MANS += man/gatehouse-consent.8
dist_man_MANS += man/gatehousectl.1
dist_man_MANS += man/gatehouse-keys.5
