-- compatible-from: 0023
--
-- Nobody looks for what policies recorded by its user, and hardly anybody by its batch (whose times lead there as well): these indexes
-- were half of what a row cost. Also: functions that add events take an array whose one element has the index 0 for a column that is the
-- same in all of them, which programs of before this number do not send, and databases of before would not take.

drop index gatehouse.event_policy_subject;
drop index gatehouse.event_policy_batch;
