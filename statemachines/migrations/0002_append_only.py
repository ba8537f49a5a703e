"""On PostgreSQL the database itself keeps the history from being changed; only redaction may, and says that it does.

It also keeps an instance that has a history, which no foreign key does.
"""

from collections.abc import Callable

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FORWARDS = """
CREATE FUNCTION statemachines_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('statemachines.redacting', true) = 'on' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'statemachines: history is append-only, entry % of instance % stays', OLD.sequence, OLD.instance_id;
END $$;
CREATE TRIGGER statemachines_append_only BEFORE UPDATE OR DELETE ON statemachines_historyentry
    FOR EACH ROW EXECUTE FUNCTION statemachines_append_only();

CREATE FUNCTION statemachines_keep_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM statemachines_historyentry WHERE instance_id = OLD.id) THEN
        RAISE EXCEPTION 'statemachines: history is append-only, so instance % stays', OLD.id;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER statemachines_keep_instance BEFORE DELETE ON statemachines_machineinstance
    FOR EACH ROW EXECUTE FUNCTION statemachines_keep_instance();
"""

BACKWARDS = """
DROP TRIGGER statemachines_keep_instance ON statemachines_machineinstance;
DROP FUNCTION statemachines_keep_instance();
DROP TRIGGER statemachines_append_only ON statemachines_historyentry;
DROP FUNCTION statemachines_append_only();
"""


def on_postgres(sql: str) -> Callable[[Apps, BaseDatabaseSchemaEditor], None]:
    def run(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql, params=None)

    return run


class Migration(migrations.Migration):
    dependencies = [("statemachines", "0001_initial")]

    operations = [migrations.RunPython(on_postgres(FORWARDS), on_postgres(BACKWARDS))]
