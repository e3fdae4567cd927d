-- What accounts of the database may do: one for each site, which writes what that site has seen, and readers.
-- Run by the owner of the tables, whom row security does not bind; may be run again.

CREATE TABLE IF NOT EXISTS site_role (role TEXT PRIMARY KEY, site TEXT NOT NULL);

-- The site of the account that is logged on; NULL for the owner and for readers.
CREATE OR REPLACE FUNCTION imsh_site() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
  'SELECT site FROM site_role WHERE role = session_user';

-- An instant so many days ago, as the tables have it.
CREATE OR REPLACE FUNCTION imsh_days_ago(days integer) RETURNS bigint LANGUAGE sql STABLE AS
  'SELECT (extract(epoch FROM now() - days * interval ''1 day'') * 1000000)::bigint';

-- Of the schedule of another site a watcher may only bring a test forward: it has seen a state turn.
CREATE OR REPLACE FUNCTION imsh_guard_schedule() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
$$ BEGIN
  IF imsh_site() IS NULL OR OLD.vantage IN (imsh_site(), 'any') THEN RETURN NEW; END IF;
  IF NEW.due_at > OLD.due_at THEN RETURN NULL; END IF;
  OLD.due_at := NEW.due_at;
  RETURN OLD;
END $$;
DROP TRIGGER IF EXISTS imsh_guard ON schedule;
CREATE TRIGGER imsh_guard BEFORE UPDATE ON schedule FOR EACH ROW EXECUTE FUNCTION imsh_guard_schedule();

DO $$ DECLARE one text; BEGIN
  FOREACH one IN ARRAY ARRAY['run', 'pair', 'site_state', 'result', 'change', 'notice', 'rollup', 'schedule', 'watcher',
                             'slot', 'request'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
    EXECUTE format('DROP POLICY IF EXISTS imsh_read ON %I', one);
    EXECUTE format('DROP POLICY IF EXISTS imsh_insert ON %I', one);
    EXECUTE format('DROP POLICY IF EXISTS imsh_update ON %I', one);
    EXECUTE format('DROP POLICY IF EXISTS imsh_delete ON %I', one);
    EXECUTE format('CREATE POLICY imsh_read ON %I FOR SELECT USING (true)', one);
  END LOOP;
  -- What a site has seen is that site's to write.
  FOREACH one IN ARRAY ARRAY['run', 'site_state', 'result', 'rollup', 'watcher'] LOOP
    EXECUTE format('CREATE POLICY imsh_insert ON %I FOR INSERT WITH CHECK (site = imsh_site())', one);
  END LOOP;
  FOREACH one IN ARRAY ARRAY['run', 'site_state', 'rollup', 'watcher'] LOOP
    EXECUTE format('CREATE POLICY imsh_update ON %I FOR UPDATE USING (site = imsh_site())', one);
  END LOOP;
  -- The verdict, its notices and the limits are made by all.
  FOREACH one IN ARRAY ARRAY['pair', 'change', 'notice', 'slot', 'request'] LOOP
    EXECUTE format('CREATE POLICY imsh_insert ON %I FOR INSERT WITH CHECK (imsh_site() IS NOT NULL)', one);
  END LOOP;
  FOREACH one IN ARRAY ARRAY['pair', 'notice', 'slot', 'schedule'] LOOP
    EXECUTE format('CREATE POLICY imsh_update ON %I FOR UPDATE USING (imsh_site() IS NOT NULL)', one);
  END LOOP;
END $$;

CREATE POLICY imsh_insert ON schedule FOR INSERT WITH CHECK (vantage IN (imsh_site(), 'any'));
CREATE POLICY imsh_delete ON schedule FOR DELETE USING (vantage IN (imsh_site(), 'any'));
CREATE POLICY imsh_update ON request FOR UPDATE USING (site = imsh_site());
CREATE POLICY imsh_delete ON request FOR DELETE USING (imsh_site() IS NOT NULL);
CREATE POLICY imsh_delete ON watcher FOR DELETE USING (site = imsh_site() OR seen_at < imsh_days_ago(6));
-- A watcher forgets what is old, and takes back nothing that is new.
CREATE POLICY imsh_delete ON result FOR DELETE USING (started_at < imsh_days_ago(1));
CREATE POLICY imsh_delete ON run FOR DELETE USING (started_at < imsh_days_ago(1));
CREATE POLICY imsh_delete ON rollup FOR DELETE USING (start < imsh_days_ago(30));
CREATE POLICY imsh_delete ON change FOR DELETE USING (at < imsh_days_ago(30));
CREATE POLICY imsh_delete ON notice FOR DELETE USING (done_at < imsh_days_ago(30));
