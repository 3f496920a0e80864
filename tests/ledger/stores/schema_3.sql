-- A sealed log of schema 3: four records, of which one was erased.
BEGIN TRANSACTION;
CREATE TABLE consent_checkpoints (size INTEGER NOT NULL PRIMARY KEY, at BIGINT NOT NULL, note TEXT NOT NULL);
INSERT INTO "consent_checkpoints" VALUES(6,1795762304409779,'shop.example
6
soJteiLxu8q/xhsv9DrPJPgEBODmmW3gBmM1rYuZ97w=

— shop.example +Ylu2Ok02M0bHJxHSw08ZIT5WKlaivF5OCOJ/2EjDxH2d1b2W/ozvln4ERrP1RSklbfyhKTt5elutabVp8SiNOC6pAw=
');
CREATE TABLE consent_counted (what VARCHAR(16) NOT NULL, last VARCHAR(36), version BIGINT NOT NULL, PRIMARY KEY (what));
CREATE TABLE consent_erasures (record VARCHAR(36) NOT NULL, event VARCHAR(36) NOT NULL, PRIMARY KEY (record), FOREIGN KEY (event) REFERENCES consent_events (id));
INSERT INTO "consent_erasures" VALUES('01a20c93-753b-7000-a84a-c02f52ad5e60','01a21bc6-358f-7000-a251-8b35661a0af5');
CREATE TABLE consent_events (id VARCHAR(36) NOT NULL, at BIGINT NOT NULL, kind VARCHAR(16) NOT NULL, detail TEXT NOT NULL, "before" BIGINT, PRIMARY KEY (id));
INSERT INTO "consent_events" VALUES('01a21bc6-3584-7000-90f7-16ce241830a3',1795762304388210,'key','{"key":"shop.example+f9896ed8+AeHaTBKhkwZg+XuVt5pjsi9tt6o5gU1b5bxgw//BfjVW"}',NULL);
INSERT INTO "consent_events" VALUES('01a21bc6-358f-7000-a251-8b35661a0af5',1795762304399434,'erased','{"records":["01a20c93-753b-7000-a84a-c02f52ad5e60"]}',NULL);
CREATE TABLE consent_leaves (position INTEGER NOT NULL PRIMARY KEY, id VARCHAR(36) NOT NULL UNIQUE, salt BLOB, commitment BLOB);
INSERT INTO "consent_leaves" VALUES(0,'01a20c91-a07b-7000-871a-3e068da942cf',X'F6E5E12B67F05EA7E77607B70A4CE90D5E900F3FB0A3114AA2608F3BB960DC10',NULL);
INSERT INTO "consent_leaves" VALUES(1,'01a20c92-8adb-7000-bf9e-b3ed3a9fe6c3',X'30B4FAD361EE71195B1E281E99B06FD5C844E49C7961128AC6E13386DDEB746D',NULL);
INSERT INTO "consent_leaves" VALUES(2,'01a20c93-753b-7000-a84a-c02f52ad5e60',NULL,X'1E8E2263B8E1AA94D61B3232E3C79EF85D47DA16E001F8483FAC9339C04972FD');
INSERT INTO "consent_leaves" VALUES(3,'01a21bc6-3584-7000-90f7-16ce241830a3',NULL,NULL);
INSERT INTO "consent_leaves" VALUES(4,'01a21bc6-358f-7001-9417-d5af1232e195',X'762FFC27F217E1AF619F103F54A3025A26997074721F7528049B6FE3E6BBF6AE',NULL);
INSERT INTO "consent_leaves" VALUES(5,'01a21bc6-358f-7000-a251-8b35661a0af5',NULL,NULL);
CREATE TABLE consent_meta ("key" VARCHAR(32) NOT NULL, value INTEGER NOT NULL, PRIMARY KEY ("key"));
INSERT INTO "consent_meta" VALUES('schema',3);
INSERT INTO "consent_meta" VALUES('amendments',1);
CREATE TABLE consent_notices (hash VARCHAR(64) NOT NULL, language VARCHAR(35) NOT NULL, policy_version VARCHAR(32) NOT NULL, text TEXT NOT NULL, PRIMARY KEY (hash));
INSERT INTO "consent_notices" VALUES('c1b827a5085a8d367b201c22ce8d4a963e0e9d0451af091202ffa2ee5f3d07aa','de','1','Dürfen wir?');
CREATE TABLE consent_records (id VARCHAR(36) NOT NULL, subject VARCHAR(36) NOT NULL, at BIGINT NOT NULL, action VARCHAR(16) NOT NULL, granted TEXT NOT NULL, refused TEXT NOT NULL, granted_services TEXT NOT NULL, refused_services TEXT NOT NULL, previous VARCHAR(36), channel VARCHAR(16) NOT NULL, policy_version VARCHAR(32) NOT NULL, notice VARCHAR(64), url TEXT NOT NULL, region VARCHAR(16) NOT NULL, user_agent_family VARCHAR(32) NOT NULL, ip VARCHAR(64) NOT NULL, PRIMARY KEY (id), FOREIGN KEY (notice) REFERENCES consent_notices (hash));
INSERT INTO "consent_records" VALUES('01a20c91-a07b-7000-871a-3e068da942cf','0b7c0000-0000-4000-8000-000000000001',1795507200123456,'given','analytics','advertising','','',NULL,'banner','1','c1b827a5085a8d367b201c22ce8d4a963e0e9d0451af091202ffa2ee5f3d07aa','/a','','Firefox','');
INSERT INTO "consent_records" VALUES('01a20c92-8adb-7000-bf9e-b3ed3a9fe6c3','0b7c0000-0000-4000-8000-000000000001',1795507260123456,'withdrawn','','advertising analytics','','','01a20c91-a07b-7000-871a-3e068da942cf','preferences','1','c1b827a5085a8d367b201c22ce8d4a963e0e9d0451af091202ffa2ee5f3d07aa','','','','');
INSERT INTO "consent_records" VALUES('01a20c93-753b-7000-a84a-c02f52ad5e60','',1795507320123456,'given','analytics','advertising','youtube','',NULL,'banner','1',NULL,'','','','');
INSERT INTO "consent_records" VALUES('01a21bc6-358f-7001-9417-d5af1232e195','0b7c0000-0000-4000-8000-000000000001',1795507380123456,'given','analytics','advertising','','',NULL,'banner','1',NULL,'','','','');
CREATE TABLE consent_rollups (day INTEGER NOT NULL, measure VARCHAR(16) NOT NULL, value VARCHAR(255) NOT NULL, policy_version VARCHAR(32) NOT NULL, language VARCHAR(35) NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (day, measure, value, policy_version, language)) WITHOUT ROWID;
CREATE TABLE consent_tiles (level INTEGER NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (level, number));
INSERT INTO "consent_tiles" VALUES(0,0,X'DD8C37CC671CB315C740F22111EF74BA365922DD79665CA891BD11D96EE54D8C37F1447772158286D9BB0BAF6569BA2B7A22E24F62E578F9CB9CF9D2B33C4249D8430CAD5DDA68C0F314880ECA0C130CBFEED24F4BE2432CA8E08E101FDF87A7AD5BFB32D09CE89DF55704A9FE96DBE59005D754D2520C218E996E018BF65910B3848D75540650F80C63A15D21D887ABDB01E4AEC506B78F62FC78CF1239CA35E41D62D4E798D2D86481703C0F7BEC219325020F9E0A3FBD9EE78AD0C28B8E5A');
CREATE INDEX consent_records_subject ON consent_records (subject, id);
CREATE INDEX consent_records_at ON consent_records (at);
CREATE TRIGGER consent_records_no_update BEFORE UPDATE ON consent_records WHEN NOT (NEW."id" IS OLD."id" AND NEW."at" IS OLD."at" AND NEW."action" IS OLD."action" AND NEW."granted" IS OLD."granted" AND NEW."refused" IS OLD."refused" AND NEW."granted_services" IS OLD."granted_services" AND NEW."refused_services" IS OLD."refused_services" AND NEW."previous" IS OLD."previous" AND NEW."channel" IS OLD."channel" AND NEW."policy_version" IS OLD."policy_version" AND NEW."notice" IS OLD."notice" AND NEW."subject" = '' AND NEW."url" = '' AND NEW."region" = '' AND NEW."user_agent_family" = '' AND NEW."ip" = '' AND NEW.rowid = OLD.rowid AND EXISTS (SELECT 1 FROM consent_erasures WHERE record = OLD.id) AND NOT EXISTS (SELECT 1 FROM consent_leaves WHERE id = OLD.id AND salt IS NOT NULL)) BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_records_no_delete BEFORE DELETE ON consent_records WHEN NOT EXISTS (SELECT 1 FROM consent_events WHERE kind = 'pruned' AND "before" > OLD.at) BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_leaves_no_update BEFORE UPDATE ON consent_leaves WHEN NOT (NEW.position = OLD.position AND NEW.id = OLD.id AND OLD.salt IS NOT NULL AND NEW.salt IS NULL AND length(NEW.commitment) = 32 AND EXISTS (SELECT 1 FROM consent_erasures WHERE record = OLD.id)) BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_leaves_no_delete BEFORE DELETE ON consent_leaves WHEN (OLD.salt IS NULL AND OLD.commitment IS NULL) OR EXISTS (SELECT 1 FROM consent_records WHERE id = OLD.id) BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_events_no_update BEFORE UPDATE ON consent_events BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_events_no_delete BEFORE DELETE ON consent_events BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_erasures_no_update BEFORE UPDATE ON consent_erasures BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_erasures_no_delete BEFORE DELETE ON consent_erasures BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER consent_notices_no_update BEFORE UPDATE ON consent_notices BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE INDEX consent_events_before ON consent_events (kind, "before");
COMMIT;
