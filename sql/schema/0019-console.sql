-- compatible-from: 0005
--
-- MACs, under the session key, over the session's cookie and each claim that made its person an
-- administrator when the session began. A row that is written here by hand makes none.
alter table gatehouse.browser_session add column admin_marks text[];
