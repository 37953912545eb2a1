#include "store/tree.h"
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/*
 * Inner nodes hold, for each child, a lower bound of its keys; that of the first child is
 * never looked at (it is the bound the parent has for the whole node).
 *
 * Nodes are given back when they run empty, and joined with a neighbour when both have
 * become sparse; they are not kept half full at any price (Johnson and Shasha, "B-trees
 * with inserts and deletes: why free-at-empty is better than merge-at-half", 1993).
 */
enum { FANOUT = 64, SPARSE = FANOUT / 4, JOINED_MAX = FANOUT * 3 / 4 };

union tree_link {
	struct tree_node *child;
	struct tree_value *value;
};

struct tree_node {
	uint32_t n;
	struct tree_key key[FANOUT];
	union tree_link link[FANOUT];
};

/* The way down to a leaf: at level l (0: leaf) the index taken in the node there. */
struct path {
	struct tree_node *node[TREE_DEPTH_MAX];
	uint32_t at[TREE_DEPTH_MAX];
};

_Static_assert(STORE_KEY_MAX + 1 == TREE_KEY_WORDS * 8, "length byte is the last one");

void
tree_key_make(struct tree_key *k, struct slice s)
{
	unsigned char bytes[TREE_KEY_WORDS * 8] = {0};

	assert(s.len <= STORE_KEY_MAX);
	if (s.len > 0)
		memcpy(bytes, s.ptr, s.len);
	bytes[STORE_KEY_MAX] = (unsigned char)s.len;
	memcpy(k->word, bytes, sizeof(bytes));
	for (int i = 0; i < TREE_KEY_WORDS; i++)
		k->word[i] = be64toh(k->word[i]);
}

size_t
tree_key_text(const struct tree_key *k, char ret[STORE_KEY_MAX])
{
	uint64_t word[TREE_KEY_WORDS];

	for (int i = 0; i < TREE_KEY_WORDS; i++)
		word[i] = htobe64(k->word[i]);
	memcpy(ret, word, STORE_KEY_MAX);
	return (size_t)(k->word[TREE_KEY_WORDS - 1] & 0xff);
}

/* Of key[from..n): the index of the first that is not less than `k`. */
static uint32_t
lower_bound(const struct tree_node *node, uint32_t from, const struct tree_key *k)
{
	uint32_t lo = from, hi = node->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (tree_key_compare(&node->key[mid], k) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint32_t
child_of(const struct tree_node *node, const struct tree_key *k)
{
	uint32_t at = lower_bound(node, 1, k);

	if (at < node->n && tree_key_compare(&node->key[at], k) == 0)
		return at;
	return at - 1;
}

/* Sets `p` to where `k` is or would be; true when it is there. */
static bool
descend(const struct tree *t, const struct tree_key *k, struct path *p)
{
	struct tree_node *node = t->root;

	for (uint32_t level = t->depth; level-- > 1;) {
		p->node[level] = node;
		p->at[level] = child_of(node, k);
		node = node->link[p->at[level]].child;
	}
	p->node[0] = node;
	p->at[0] = lower_bound(node, 0, k);
	return p->at[0] < node->n && tree_key_compare(&node->key[p->at[0]], k) == 0;
}

void
tree_init(struct tree *t, uint64_t slots_max)
{
	*t = (struct tree){.slots_max = slots_max};
}

/* Depth is at most TREE_DEPTH_MAX: the recursion is bounded by our own structure. */
static void
node_free(struct tree_node *node, uint32_t level)
{
	for (uint32_t i = 0; i < node->n; i++) {
		if (level == 0)
			free(node->link[i].value);
		else
			node_free(node->link[i].child, level - 1);
	}
	free(node);
}

void
tree_release(struct tree *t)
{
	if (t->root != NULL)
		node_free(t->root, t->depth - 1);
	tree_init(t, t->slots_max);
}

struct tree_value **
tree_find(const struct tree *t, const struct tree_key *k)
{
	struct path p;

	if (t->root == NULL || !descend(t, k, &p))
		return NULL;
	return &p.node[0]->link[p.at[0]].value;
}

static void
entry_insert(
    struct tree_node *node, uint32_t at, const struct tree_key *k, union tree_link link)
{
	assert(node->n < FANOUT && at <= node->n);
	memmove(
	    &node->key[at + 1], &node->key[at], (node->n - at) * sizeof(node->key[0]));
	memmove(
	    &node->link[at + 1], &node->link[at], (node->n - at) * sizeof(node->link[0]));
	node->key[at] = *k;
	node->link[at] = link;
	node->n++;
}

static void
entry_remove(struct tree_node *node, uint32_t at)
{
	assert(at < node->n);
	node->n--;
	memmove(
	    &node->key[at], &node->key[at + 1], (node->n - at) * sizeof(node->key[0]));
	memmove(
	    &node->link[at], &node->link[at + 1], (node->n - at) * sizeof(node->link[0]));
}

/* Entries from[at..] to the end of `to`. */
static void
entries_move(struct tree_node *from, uint32_t at, struct tree_node *to)
{
	uint32_t n = from->n - at;

	assert(to->n + n <= FANOUT);
	memcpy(&to->key[to->n], &from->key[at], n * sizeof(from->key[0]));
	memcpy(&to->link[to->n], &from->link[at], n * sizeof(from->link[0]));
	to->n += n;
	from->n = at;
}

static void
nodes_free(struct tree_node **v, uint32_t n)
{
	while (n > 0)
		free(v[--n]);
}

/* Nodes that an insert along `p` will need: one for each full level, and one more when
 * the root itself is full. */
static int
nodes_reserve(const struct tree *t, const struct path *p,
    struct tree_node *spare[TREE_DEPTH_MAX + 1], uint32_t *ret_n)
{
	uint32_t full = 0, need, n;

	while (full < t->depth && p->node[full]->n == FANOUT)
		full++;
	need = full == t->depth ? full + 1 : full;
	if (full == t->depth && t->depth == TREE_DEPTH_MAX)
		return -ENOSPC;
	for (n = 0; n < need; n++) {
		spare[n] = malloc(sizeof(*spare[n]));
		if (spare[n] == NULL) {
			nodes_free(spare, n);
			return -ENOMEM;
		}
		spare[n]->n = 0;
	}
	*ret_n = n;
	return 0;
}

/*
 * Splits a full node and inserts.  A key past all others leaves the node full and starts
 * the next one: queues grow at their end, and would fill nodes by half only.  Returns
 * where the entry went.
 */
static struct tree_node *
split_insert(struct tree_node *node, uint32_t *at, const struct tree_key *k,
    union tree_link link, struct tree_node *right)
{
	uint32_t keep = *at == node->n ? node->n : node->n / 2;

	entries_move(node, keep, right);
	if (*at <= keep && keep < FANOUT) {
		entry_insert(node, *at, k, link);
		return node;
	}
	*at -= keep;
	entry_insert(right, *at, k, link);
	return right;
}

static void
root_grow(struct tree *t, struct tree_node *right, struct tree_node *root)
{
	root->n = 2;
	root->key[0] = t->root->key[0];
	root->link[0].child = t->root;
	root->key[1] = right->key[0];
	root->link[1].child = right;
	t->root = root;
	t->depth++;
}

static int
root_start(struct tree *t)
{
	t->root = malloc(sizeof(*t->root));
	if (t->root == NULL)
		return -ENOMEM;
	t->root->n = 0;
	t->depth = 1;
	return 0;
}

int
tree_slot(struct tree *t, const struct tree_key *k, struct tree_value ***ret)
{
	struct tree_node *spare[TREE_DEPTH_MAX + 1], *leaf = NULL, *node;
	union tree_link link = {.value = NULL};
	struct tree_key key = *k;
	struct path p;
	uint32_t spares, leaf_at = 0;
	int r;

	if (t->root != NULL && descend(t, k, &p)) {
		*ret = &p.node[0]->link[p.at[0]].value;
		return 0;
	}
	if (t->slots >= t->slots_max)
		return -ENOSPC;
	if (t->root == NULL) {
		if (root_start(t) < 0)
			return -ENOMEM;
		(void)descend(t, k, &p);
	}
	r = nodes_reserve(t, &p, spare, &spares);
	if (r < 0)
		return r;
	for (uint32_t level = 0; level < t->depth; level++) {
		uint32_t at = level == 0 ? p.at[0] : p.at[level] + 1;
		bool full = p.node[level]->n == FANOUT;

		if (full)
			node = split_insert(p.node[level], &at, &key, link, spare[level]);
		else
			entry_insert(node = p.node[level], at, &key, link);
		if (level == 0) {
			leaf = node;
			leaf_at = at;
		}
		if (!full)
			break;
		key = spare[level]->key[0];
		link.child = spare[level];
		if (level + 1 == t->depth) {
			root_grow(t, spare[level], spare[level + 1]);
			break;
		}
	}
	t->slots++;
	*ret = &leaf->link[leaf_at].value;
	return 0;
}

/* The right one of two children of `parent` goes into the left one. */
static void
join(struct tree_node *parent, uint32_t right_at, bool leaves)
{
	struct tree_node *left = parent->link[right_at - 1].child;
	struct tree_node *right = parent->link[right_at].child;

	if (!leaves)
		right->key[0] = parent->key[right_at]; /* now it will be looked at */
	entries_move(right, 0, left);
	free(right);
	entry_remove(parent, right_at);
}

/* True when the parent lost an entry. */
static bool
tidy(struct path *p, uint32_t level)
{
	struct tree_node *node = p->node[level], *parent = p->node[level + 1];
	uint32_t at = p->at[level + 1];

	if (node->n == 0) {
		free(node);
		entry_remove(parent, at);
		return true;
	}
	if (node->n > SPARSE)
		return false;
	if (at + 1 < parent->n && node->n + parent->link[at + 1].child->n <= JOINED_MAX)
		join(parent, at + 1, level == 0);
	else if (at > 0 && node->n + parent->link[at - 1].child->n <= JOINED_MAX)
		join(parent, at, level == 0);
	else
		return false;
	return true;
}

void
tree_remove(struct tree *t, const struct tree_key *k)
{
	struct tree_node *old;
	struct path p;

	if (t->root == NULL || !descend(t, k, &p))
		return;
	entry_remove(p.node[0], p.at[0]);
	t->slots--;
	for (uint32_t level = 0; level + 1 < t->depth; level++)
		if (!tidy(&p, level))
			break;
	while (t->depth > 1 && t->root->n == 1) {
		old = t->root;
		t->root = old->link[0].child;
		t->depth--;
		free(old);
	}
	if (t->root->n == 0) {
		/* A leaf: an inner root has one child at least. */
		free(t->root);
		t->root = NULL;
		t->depth = 0;
	}
}

void
tree_seek(const struct tree *t, const struct tree_key *from, struct tree_iter *ret)
{
	struct path p;

	ret->depth = t->depth;
	if (t->root == NULL)
		return;
	(void)descend(t, from, &p);
	for (uint32_t level = 0; level < t->depth; level++) {
		ret->node[level] = p.node[level];
		ret->at[level] = p.at[level];
	}
}

/* Past the end of a leaf: to the start of the next one. */
static bool
leaf_next(struct tree_iter *it)
{
	uint32_t level = 1;

	while (level < it->depth && it->at[level] + 1 >= it->node[level]->n)
		level++;
	if (level >= it->depth)
		return false;
	it->at[level]++;
	while (level > 0) {
		it->node[level - 1] = it->node[level]->link[it->at[level]].child;
		it->at[level - 1] = 0;
		level--;
	}
	return true;
}

bool
tree_next(
    struct tree_iter *it, const struct tree_key **ret_key, struct tree_value **ret_value)
{
	if (it->depth == 0)
		return false;
	if (it->at[0] >= it->node[0]->n && !leaf_next(it))
		return false;
	*ret_key = &it->node[0]->key[it->at[0]];
	*ret_value = it->node[0]->link[it->at[0]].value;
	it->at[0]++;
	return true;
}

/* Returns the slots below; keys must lie in [low, high), NULL: no bound. */
static uint64_t
node_check(const struct tree_node *node, uint32_t level, const struct tree_key *low,
    const struct tree_key *high)
{
	uint64_t slots = 0;

	assert(node->n > 0 && node->n <= FANOUT);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct tree_key *k = &node->key[i];
		bool is_bound = level == 0 || i > 0;

		assert(!is_bound || low == NULL || tree_key_compare(low, k) <= 0);
		assert(!is_bound || high == NULL || tree_key_compare(k, high) < 0);
		assert(i < 2 || tree_key_compare(&node->key[i - 1], k) < 0);
		if (level == 0) {
			assert(i == 0 || tree_key_compare(&node->key[i - 1], k) < 0);
			slots++;
			continue;
		}
		slots += node_check(node->link[i].child, level - 1, i > 0 ? k : low,
		    i + 1 < node->n ? &node->key[i + 1] : high);
	}
	return slots;
}

void
tree_check(const struct tree *t)
{
	if (t->root == NULL) {
		assert(t->slots == 0 && t->depth == 0);
		return;
	}
	assert(t->depth >= 1 && t->depth <= TREE_DEPTH_MAX);
	assert(node_check(t->root, t->depth - 1, NULL, NULL) == t->slots);
	assert(t->slots > 0);
}
