/* The statements of `enum statement`, in words. */
#pragma once
#include "store/database.h"

/* id in (slot, id) and in the search rows gives every answer in the order of ids, whatever index
 * finds it, so that a search can go on where it stopped. */
static const char *const statement_text[STATEMENT_COUNT] = {
	[BEGIN_READ] = "BEGIN DEFERRED",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[STATE_READ] = "SELECT applied, time, objects, requests, digest, seal FROM state WHERE one = 1",
	[STATE_WRITE] = "INSERT OR REPLACE INTO state(one, applied, time, objects, requests, digest, seal)"
	                " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
	[OBJECT_READ] = "SELECT version, body FROM objects WHERE slot = ?1 AND id = ?2",
	[OBJECT_ROW] = "SELECT version, body, hash FROM objects WHERE slot = ?1 AND id = ?2",
	[OBJECT_ADD] = "INSERT INTO objects(slot, id, private, version, hash, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[OBJECT_CHANGE] = "UPDATE objects SET private = ?3, version = ?4, hash = ?5, body = ?6 WHERE slot = ?1 AND id = ?2",
	[OBJECT_REMOVE] = "DELETE FROM objects WHERE slot = ?1 AND id = ?2",
	[OBJECTS_FROM] = "SELECT private, body FROM objects WHERE slot = ?1 AND id > ?2 ORDER BY id",
	[OBJECTS_OF_SLOT] = "SELECT id, hash FROM objects WHERE slot = ?1",
	[OBJECTS_REMOVE_OF_SLOT] = "DELETE FROM objects WHERE slot = ?1",
	[SEARCH_ADD] = "INSERT INTO search(slot, type, value, id) VALUES (?1, ?2, ?3, ?4)",
	[SEARCH_REMOVE] = "DELETE FROM search WHERE slot = ?1 AND type = ?2 AND value = ?3 AND id = ?4",
	[SEARCH_REMOVE_OF_SLOT] = "DELETE FROM search WHERE slot = ?1",
	[SEARCH_COUNT] = "SELECT count(*) FROM (SELECT 1 FROM search"
	                 " WHERE slot = ?1 AND type = ?2 AND value = ?3 AND id > ?4 LIMIT ?5)",
	[SEARCH_FROM] = "SELECT o.private, o.body FROM search s CROSS JOIN objects o ON o.slot = s.slot AND o.id = s.id"
	                " WHERE s.slot = ?1 AND s.type = ?2 AND s.value = ?3 AND s.id > ?4 ORDER BY s.id",
	[SLOT_READ] = "SELECT body, hash FROM slots WHERE slot = ?1",
	[SLOT_WRITE] = "INSERT OR REPLACE INTO slots(slot, body, hash) VALUES (?1, ?2, ?3)",
	[SLOT_LAST] = "SELECT max(slot) FROM slots",
	[SLOTS_ALL] = "SELECT body, hash FROM slots ORDER BY slot",
	[SETTING_READ] = "SELECT value, hash FROM settings WHERE name = ?1",
	[SETTING_WRITE] = "INSERT OR REPLACE INTO settings(name, value, hash) VALUES (?1, ?2, ?3)",
	[REQUEST_READ] = "SELECT applied, slot, outcome, objects FROM requests WHERE id = ?1",
	[REQUEST_CARRIED] = "SELECT carried FROM requests WHERE id = ?1",
	[REQUEST_ADD] = "INSERT INTO requests(applied, id, time, slot, outcome, objects, carried, hash)"
	                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[REQUEST_OLDEST] = "SELECT applied, time, hash FROM requests ORDER BY applied LIMIT 1",
	[REQUEST_REMOVE] = "DELETE FROM requests WHERE applied = ?1",
	[REQUEST_CARRYING] = "SELECT applied, id, time, slot, outcome, objects, hash FROM requests INDEXED BY carrying"
	                     " WHERE carried <> x'' AND applied > ?1 ORDER BY applied LIMIT 1",
	[REQUEST_BLANK] = "UPDATE requests SET carried = x'', hash = ?2 WHERE applied = ?1",
};
