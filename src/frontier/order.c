#include "frontier/order.h"

#include "base/banned.h"

static const struct order *const orders[] = {
#define X(name) &order_##name,
    ORDERS(X)
#undef X
};

const struct order *
order_find(struct slice name)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (slice_eq(name, slice_cstr(orders[i]->name)))
			return orders[i];
	return NULL;
}

const char *
order_names(void)
{
#define X(name) ", " #name
	return &(ORDERS(X))[2];
#undef X
}
