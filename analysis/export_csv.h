/* A run's repository as CSV (RFC 4180): a file for each table and view of events.db, whose schema says what the columns are. */
#ifndef ROAMLAB_EXPORT_CSV_H
#define ROAMLAB_EXPORT_CSV_H

#include "err.h"

/* Writes OUT/event.csv, OUT/request.csv, … from FOLDER/events.db; OUT is created. */
int export_csv(const char *folder, const char *out, struct err *e);

#endif
