/* Linked into `trawl` by --enable-faults: a plan in the environment is in force from the
 * first line of main() on. */
#include "fault.h"

__attribute__((constructor)) static void
start(void)
{
	fault_start_by_environment();
}
