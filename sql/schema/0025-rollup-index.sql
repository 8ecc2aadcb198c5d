-- compatible-from: 0016
--
-- rollup_recent by its time, which only grows: the end of such an index costs little, and what one asks for most are its last minutes.
-- Routes of users are looked for by route in days and weeks; in hours it costs more to keep an index than to do without.
drop index gatehouse.rollup_recent_at_idx;
create index rollup_recent_by_time on gatehouse.rollup_recent (at);
drop index gatehouse.rollup_access_t_grain_at_idx;
create index rollup_access_by_place on gatehouse.rollup_access (t, grain, at) where grain > 1;
