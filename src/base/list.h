/*
 * base/list.h -- intrusive doubly linked list.
 *
 * A link is named by the list it is on: `struct list on_host;`.  The list owns nothing.
 * A link that is on no list points to itself, so removing it twice is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define container_of(p, type, member)                                                    \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_insert(struct list *prev, struct list *n)
{
	n->prev = prev;
	n->next = prev->next;
	prev->next->prev = n;
	prev->next = n;
}

/* At the tail. */
static inline void
list_push(struct list *head, struct list *n)
{
	list_insert(head->prev, n);
}

static inline void
list_push_front(struct list *head, struct list *n)
{
	list_insert(head, n);
}

static inline void
list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* The head's first link, removed; NULL when empty. */
static inline struct list *
list_pop(struct list *head)
{
	struct list *n = head->next;

	if (n == head)
		return NULL;
	/* The analyzer loses the links, and thinks that what was popped and freed is
	 * here. */
	list_remove(n); /* NOLINT(clang-analyzer-unix.Malloc) */
	return n;
}

/* Everything on `src` goes to the tail of `dst`, in order; `src` is empty then. */
static inline void
list_splice(struct list *dst, struct list *src)
{
	if (list_is_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}

#define list_foreach(it, head)                                                           \
	for (struct list *it = (head)->next; it != (head); it = it->next)
#define list_foreach_safe(it, tmp, head)                                                 \
	for (struct list *it = (head)->next, *tmp = it->next; it != (head);              \
	     it = tmp, tmp = it->next)
#endif
