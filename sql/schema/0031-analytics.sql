-- compatible-from: 0023
--
-- Panels that come from one reading are asked for together (sql/fn/analytics.sql): functions that take other arguments now go.
-- So does one that told nobody for how long events are kept (retention_set() does).

drop function if exists gatehouse.analytics_raw(text, text, boolean, timestamptz, timestamptz, interval, text);
drop function if exists gatehouse.analytics_rows(text, text, text, boolean, timestamptz, timestamptz, interval, text[], text[], text[]);
drop function if exists gatehouse.events_keep(int, int);
