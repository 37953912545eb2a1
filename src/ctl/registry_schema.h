/*
 * ctl/registry_schema.h -- the migrations of the registry, each a step that is never
 * changed once it was released: a change is a new step at the end.
 */
#ifndef CTL_REGISTRY_SCHEMA_H
#define CTL_REGISTRY_SCHEMA_H

static const char *const registry_migrations[] = {
    /* 1: jobs and runs */
    "CREATE TABLE jobs ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  spec TEXT NOT NULL,"
    "  from_file INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  changed_us INTEGER NOT NULL,"
    "  due_us INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* no number is given twice */
    "  job TEXT NOT NULL,"
    "  spec TEXT NOT NULL,"
    "  state TEXT NOT NULL,"
    "  started_by TEXT NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  began_us INTEGER NOT NULL,"
    "  ended_us INTEGER NOT NULL,"
    "  scheduled_us INTEGER NOT NULL,"
    "  starts INTEGER NOT NULL,"
    "  end TEXT NOT NULL,"
    "  why TEXT NOT NULL,"
    "  stats TEXT NOT NULL"
    ");"
    "CREATE INDEX runs_by_job ON runs (job, id);"
    "CREATE INDEX runs_by_state ON runs (state, id);",
    /* 2: keys of clients, and what happened to runs */
    "CREATE TABLE keys ("
    "  key TEXT PRIMARY KEY NOT NULL,"
    "  body_hash INTEGER NOT NULL,"
    "  made TEXT NOT NULL,"
    "  made_us INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE changes ("
    "  run INTEGER NOT NULL,"
    "  at_us INTEGER NOT NULL,"
    "  state TEXT NOT NULL,"
    "  why TEXT NOT NULL"
    ");"
    "CREATE INDEX changes_by_run ON changes (run, at_us);",
    /* 3: since when a job has the schedule that it has */
    "ALTER TABLE jobs ADD COLUMN scheduled_from_us INTEGER NOT NULL DEFAULT 0;",
};
enum { REGISTRY_VERSION = sizeof(registry_migrations) / sizeof(registry_migrations[0]) };
/* "TRWL": so that another program's file is not taken for one of ours. */
enum { REGISTRY_APPLICATION_ID = 0x5452574c };
#endif
