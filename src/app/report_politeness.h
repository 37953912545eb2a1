/*
 * app/report_politeness.h -- trawl report --politeness: the ledger, for people and programs.
 *
 * Owns:    nothing; conf->tmp_dir is set.     Returns: an exit code, said why.
 */
#ifndef APP_REPORT_POLITENESS_H
#define APP_REPORT_POLITENESS_H
#include "observe/ledger.h"

int report_politeness(struct ledger_conf *conf, bool json);
#endif
