/*
 * sqlite_broker.c - see sqlite_broker.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/sqlite_broker.h"

#include <sqlite3.h>
#include <stdio.h>
#include <zmq.h>

enum { FRAMES_MAX = 64, HWM = 1000 };

struct engine {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *put, *delete;
    sqlite3_int64 next, oldest; /* row numbers: to be inserted, and not deleted yet */
    size_t bytes;               /* of a message */
    void *in, *out;
};

static int run_once(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int engine_open(struct engine *e, const char *path)
{
    static const char setup[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096;"
                                "PRAGMA cache_size=-16384; PRAGMA locking_mode=EXCLUSIVE;"
                                "CREATE TABLE messages (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, value BLOB);";

    if (sqlite3_open(path, &e->db) != SQLITE_OK || sqlite3_exec(e->db, setup, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(e->db, "BEGIN IMMEDIATE", -1, &e->begin, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(e->db, "COMMIT", -1, &e->commit, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(e->db, "INSERT INTO messages VALUES (?1, ?2, ?3)", -1, &e->put, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(e->db, "DELETE FROM messages WHERE id = ?1", -1, &e->delete, NULL) != SQLITE_OK) {
        fprintf(stderr, "sqlite broker: %s\n", sqlite3_errmsg(e->db));
        return -1;
    }
    e->next = e->oldest = 1;
    return 0;
}

static void *socket_bind(void *context, int type, char *endpoint, size_t bytes)
{
    const int hwm = HWM / FRAMES_MAX, linger = 0;
    void *socket = zmq_socket(context, type);

    if (!socket)
        return NULL;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") < 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &bytes) < 0)
        return NULL;
    return socket;
}

static int insert(struct engine *e, zmq_msg_t *frame)
{
    const char *at = zmq_msg_data(frame);
    size_t left = zmq_msg_size(frame);

    for (; left >= e->bytes; left -= e->bytes, at += e->bytes) {
        sqlite3_bind_int64(e->put, 1, e->next);
        sqlite3_bind_int64(e->put, 2, e->next);
        sqlite3_bind_blob(e->put, 3, at, (int)e->bytes, SQLITE_STATIC);
        if (run_once(e->put) < 0)
            return -1;
        e->next++;
    }
    return 0;
}

/* Delete all rows before `upto`. */
static int forget(struct engine *e, sqlite3_int64 upto)
{
    for (; e->oldest < upto; e->oldest++) {
        sqlite3_bind_int64(e->delete, 1, e->oldest);
        if (run_once(e->delete) < 0)
            return -1;
    }
    return 0;
}

/* One commit: wait for the first frame, take what else is there. */
static int turn(struct engine *e)
{
    zmq_msg_t frames[FRAMES_MAX];
    sqlite3_int64 forwarded = e->next;
    int count = 0, rc = 0;

    for (; count < FRAMES_MAX; count++) {
        zmq_msg_init(&frames[count]);
        if (zmq_msg_recv(&frames[count], e->in, count > 0 ? ZMQ_DONTWAIT : 0) < 0)
            break;
    }
    rc = run_once(e->begin);
    for (int i = 0; rc == 0 && i < count; i++)
        rc = insert(e, &frames[i]);
    if (rc == 0)
        rc = forget(e, forwarded);
    if (rc == 0)
        rc = run_once(e->commit);
    for (int i = 0; rc == 0 && i < count; i++)
        rc = zmq_msg_send(&frames[i], e->out, 0) < 0 ? -1 : 0;
    return rc;
}

int sqlite_broker_run(const char *path, size_t bytes, void (*on_ready)(void *arg, const char *in, const char *out),
                      void *arg)
{
    struct engine e = { .bytes = bytes };
    char in[128], out[128];
    void *context = zmq_ctx_new();

    if (!context || engine_open(&e, path) < 0)
        return -1;
    e.in = socket_bind(context, ZMQ_PULL, in, sizeof in);
    e.out = socket_bind(context, ZMQ_PUSH, out, sizeof out);
    if (!e.in || !e.out)
        return -1;
    on_ready(arg, in, out);
    while (turn(&e) == 0)
        continue;
    fprintf(stderr, "sqlite broker: %s\n", sqlite3_errmsg(e.db));
    return -1;
}
