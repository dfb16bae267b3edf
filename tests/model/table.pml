/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of ct_hash.c: find, insert, delete, reuse of objects and resize, for
 * spin. tests/model/run checks all interleavings.
 *
 * What is modelled
 *	Two tables, of one bucket and of two, in one stripe. Chains are linked
 *	nodes that end in a marker, which names table and bucket. Nodes are
 *	type-stable: a free one may be used again at once, with another key, while
 *	a reader still stands on it. A grace period waits for the readers and
 *	inserters that were in their sections when it began.
 *
 *	Each read and write of a chain is a step of its own, in program order: the
 *	memory barriers of the code are taken for granted, as is the lock.
 *
 * What must hold
 *	A flow that lives through a whole search is found (reader), though others
 *	come and go and its bucket moves.
 *	What is found is alive and has the key that was looked for (ct_node_lock()
 *	checks again under the flow's lock).
 *	A key has at most one live node (is_taken()).
 *	No node is linked into a bucket that has moved (inserter).
 *
 * Four scenes, -DSCENE=1 to 4, keep the number of states small: who takes part is
 * said at the end.
 *
 * Seeded mistakes, each of which the check must find in the scene behind it:
 *	-DNO_MARKER	1 a reader believes every end of a chain
 *	-DUNLINK_FIRST	1 a node leaves the old chain before it is in the new one
 *	-DNEW_FIRST	1 a reader looks into the new table first
 *	-DNO_RECHECK	2 what was found is believed without a look under the lock
 *	-DNO_TAKEN	4 an inserter does not look whether there is one already
 *
 * -DNO_GRACE (buckets move before a grace period has passed) is not among them:
 * the model finds nothing wrong with it, for inserters ask for the newest table
 * under the stripe's lock, which orders them against the move.
 */

#define NODES	3
#define NONE	255		/* no next table, no flow */
#define END(b)	(100 + (b))	/* end marker of chain b */
#define IS_END(n) ((n) >= 100)

/* Chain 0 is the old table's; 1 and 2 are the new one's, by the key's low bit. */
byte head[3];
byte next[NODES];
byte key[NODES];
bool alive[NODES];
bool flow_lock[NODES];
bool used[NODES];		/* belongs to somebody */

bool stripe;
bool two;			/* the new table is published (old->next) */
bool only_new;			/* ct_table is the new one */
bool moved;			/* the old bucket has moved */

/* Grace periods: how many are in a read-side section, by epoch's parity */
byte inside[2];
bit epoch;

#define CHAIN(k)	(1 + ((k) & 1))

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

inline enter() { atomic { my = epoch; inside[my]++ } }
inline leave() { inside[my]-- }

inline grace()
{
	atomic { old_epoch = epoch; epoch = 1 - epoch };
	inside[old_epoch] == 0
}

/*
 * Search a chain for key k: sets found (a node or NONE) and lost.
 * As ct_table_search().
 */
inline search(c, k)
{
	found = NONE;
	at = head[c];
	do
	:: IS_END(at) -> break
	:: else ->
		if
		:: atomic { key[at] == k && alive[at] -> found = at }; break
		:: else -> at = next[at]
		fi
	od;
#ifndef NO_MARKER
	if
	:: found == NONE && at != END(c) -> lost = true
	:: else
	fi
#endif
}

/* As search_all(): the old table first */
inline search_all(k)
{
	lost = false;
#ifdef NEW_FIRST
	found = NONE;
	if
	:: two || only_new -> search(CHAIN(k), k)
	:: else
	fi;
	if
	:: found == NONE && !lost && !first_new -> search(0, k)
	:: else
	fi
#else
	if
	:: first_new -> search(CHAIN(k), k)
	:: else ->
		search(0, k);
		if
		:: found == NONE && !lost && two -> search(CHAIN(k), k)
		:: else
		fi
	fi
#endif
}

/* Key 1 is there before all, and stays: node 0. */
proctype reader()
{
	bit my;
	bool lost, first_new;
	byte found, at, tries;

	enter();
	first_new = only_new;
again:
	search_all(1);
	if
	:: found == NONE && lost ->
		if
		:: tries < 1 -> tries++; goto again
		:: else ->	/* CT_RESTARTS: under the lock nothing moves */
			lock(stripe); search_all(1); unlock(stripe);
			assert(!lost)
		fi
	:: else
	fi;
	assert(found == 0);
	leave()
}

/* Key 2 or 3 come and go: whoever finds one, finds the right one. */
proctype seeker()
{
	bit my;
	bool lost, first_new;
	byte found, at;

	enter();
	first_new = only_new;
	search_all(3);
	if
	:: found != NONE ->
		lock(flow_lock[found]);
#ifndef NO_RECHECK
		if
		:: alive[found] && key[found] == 3 ->
#endif
			assert(alive[found] && key[found] == 3)
#ifndef NO_RECHECK
		:: else
		fi
#endif
		;
		unlock(flow_lock[found])
	:: else
	fi;
	leave()
}

/* As insert() of ct_create.c */
inline insert(n, k)
{
	lock(stripe);
	taken = false;
#ifndef NO_TAKEN
	search_all(k);
	taken = found != NONE;
#endif
	if
	:: !taken ->
		c = (first_new || two -> CHAIN(k) : 0);
		assert(c != 0 || !moved);
		key[n] = k;
		alive[n] = true;
		next[n] = head[c];
		head[c] = n
	:: else
	fi;
	unlock(stripe)
}

/* As unlink_node() */
inline unlink(n)
{
	lock(stripe);
	c = (first_new -> CHAIN(key[n]) : 0);
	do
	:: true ->
		at = head[c];
		prev = NONE;
		do
		:: IS_END(at) || at == n -> break
		:: else -> prev = at; at = next[at]
		od;
		if
		:: at == n && prev == NONE -> head[c] = next[n]; break
		:: at == n && prev != NONE -> next[prev] = next[n]; break
		:: else ->
			if
			:: c == 0 && two -> c = CHAIN(key[n])
			:: else -> break
			fi
		fi
	od;
	unlock(stripe)
}

/*
 * Takes a free node, inserts it, ends it, frees it; twice, with another key, on
 * whatever node is free.
 */
proctype worker(byte k1; byte k2)
{
	bit my;
	bool lost, first_new, taken;
	byte found, at, prev, n, c, k, round;

	do
	:: round < 2 ->
		k = (round == 0 -> k1 : k2);
		atomic {
			if
			:: !used[1] -> n = 1
			:: else -> !used[2]; n = 2
			fi;
			used[n] = true
		};
		enter();
		first_new = only_new;
		insert(n, k);
		if
		:: !taken ->
			lock(flow_lock[n]); alive[n] = false; unlock(flow_lock[n]);
			unlink(n)
		:: else
		fi;
		leave();
		used[n] = false;
		round++
	:: else -> break
	od
}

/* As ct_hash_resize() and move_bucket(): from one bucket to two */
proctype resizer()
{
	bit old_epoch;
	byte at, after, c;

	two = true;
#ifndef NO_GRACE
	grace();
#endif
	lock(stripe);
	at = head[0];
	do
	:: IS_END(at) -> break
	:: else ->
		after = next[at];
		c = CHAIN(key[at]);
#ifdef UNLINK_FIRST
		head[0] = after;
		next[at] = head[c];
		head[c] = at;
#else
		next[at] = head[c];
		head[c] = at;
		head[0] = after;
#endif
		at = after
	od;
	moved = true;
	unlock(stripe);
	only_new = true;
	grace()
}

/* At most one live node of a key that can be found, when nobody changes it */
proctype watcher()
{
	lock(stripe);
	assert(!(alive[1] && alive[2] && key[1] == key[2]));
	unlock(stripe)
}

init {
	atomic {
		head[0] = 0; head[1] = END(1); head[2] = END(2);
		next[0] = END(0);
		key[0] = 1; alive[0] = true; used[0] = true;
#if SCENE == 1			/* a search, while a flow comes and goes and all moves */
		run reader(); run worker(3, 2); run resizer()
#elif SCENE == 2		/* a search, while objects are used again */
		run seeker(); run worker(3, 2); run worker(2, 3)
#elif SCENE == 3		/* a search for what comes and goes, while all moves */
		run seeker(); run worker(3, 2); run resizer()
#else				/* two that insert the same */
		run worker(3, 3); run worker(3, 3); run watcher()
#endif
	}
}
