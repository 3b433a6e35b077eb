/* Opening a log: all of it is read and judged before any of it is believed. */
#pragma once
#include "raft/log_table.h"
#include "raft/snapshot_file.h"
#include "raft/watermark.h"
#include "raft/world.h"

struct log_loaded {
	struct log_record record;
	struct snapshot_meta snapshot; /* if record.has_snapshot */
	struct entry **entries;        /* record.last_index - record.base_index of them */
};

enum err log_load(struct log_table *table, const struct watermark_mark *mark, struct snapshots *snapshots,
                  struct log_loaded *out, struct complaint *complaint);
void log_loaded_release(struct log_loaded *loaded);
/* What the watermark should say of this record. */
struct watermark_mark log_mark(const struct log_record *record);
