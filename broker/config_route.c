/*
 * config_route.c - `routes:` of the configuration: routing rules that are there from the start.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/config_route.h"

#include "broker/brain/route.h"

#include <stdio.h>
#include <stdlib.h>

/* A rule as it is written. */
struct written {
    char *id, *channel, *type, *sender, *to, *topic, *target;
    int action; /* enum brain_route_action */
    uint32_t priority;
    bool is_enabled;
};

#define AT(field) STRATO_OPTION_AT(struct written, field)
static const struct strato_option rows[] = {
    { .name = "id",
      AT(id),
      .kind = STRATO_OPTION_STRING,
      .value = "ID",
      .doc = "Its name; else the broker gives one." },
    { .name = "channel",
      AT(channel),
      .kind = STRATO_OPTION_STRING,
      .value = "GLOB",
      .doc = "Only messages of such channels; empty, as of every filter, is all." },
    { .name = "type", AT(type), .kind = STRATO_OPTION_STRING, .value = "GLOB", .doc = "Only messages of such a type." },
    { .name = "sender",
      AT(sender),
      .kind = STRATO_OPTION_STRING,
      .value = "GLOB",
      .doc = "Only messages of such a sender, or of the agent of this name." },
    { .name = "to",
      AT(to),
      .kind = STRATO_OPTION_STRING,
      .value = "GLOB",
      .doc = "Only messages to such a recipient." },
    { .name = "topic",
      AT(topic),
      .kind = STRATO_OPTION_STRING,
      .value = "GLOB",
      .doc = "Only messages with such a topic." },
    { .name = "target",
      AT(target),
      .kind = STRATO_OPTION_STRING,
      .value = "CHANNEL",
      .doc = "Where to: a channel, or a mailbox (@agent)." },
    { .name = "action",
      AT(action),
      .kind = STRATO_OPTION_ENUM,
      .choices = "tee|redirect",
      .initial = "tee",
      .doc = "Copy, or move." },
    { .name = "priority",
      AT(priority),
      .kind = STRATO_OPTION_UINT,
      .initial = "0",
      .max = BRAIN_ROUTE_PRIORITY_MAX,
      .doc = "The highest is tried first; equals in the order in which they stand here." },
    { .name = "enabled",
      AT(is_enabled),
      .kind = STRATO_OPTION_FLAG,
      .initial = "yes",
      .doc = "A rule that is not enabled is passed over." },
};
const struct strato_program broker_route_program = {
    .name = "routes",
    .summary = "rules that copy or move messages to other channels",
    .doc = "A list of maps, e.g. {topic: 'orders.>', target: audit, action: tee}.",
    STRATO_PROGRAM_OPTIONS(rows),
};

static bool is_longer(const char *text, size_t room)
{
    return text && strlen(text) >= room;
}

static int translate(const struct written *from, struct brain_route *to, struct strato_option_error *error)
{
    const struct {
        const char *name, *text;
        char *at;
        size_t room;
    } texts[] = {
        { "id", from->id, to->id, sizeof to->id },
        { "channel", from->channel, to->channel, sizeof to->channel },
        { "type", from->type, to->type, sizeof to->type },
        { "sender", from->sender, to->sender, sizeof to->sender },
        { "to", from->to, to->to, sizeof to->to },
        { "topic", from->topic, to->topic, sizeof to->topic },
        { "target", from->target, to->target, sizeof to->target },
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is_longer(texts[i].text, texts[i].room)) {
            snprintf(error->text, sizeof error->text, "`%s` is at most %zu bytes", texts[i].name, texts[i].room - 1);
            return STRATO_ECONFIG;
        }
        snprintf(texts[i].at, texts[i].room, "%s", texts[i].text ? texts[i].text : "");
    }
    to->action = (enum brain_route_action)from->action;
    to->priority = from->priority;
    to->is_enabled = from->is_enabled;
    return route_check(to, error->text, sizeof error->text) < 0 ? STRATO_ECONFIG : 0;
}

static int append(struct broker_config *config, const struct brain_route *route)
{
    struct brain_route *routes = realloc(config->routes, (config->routes_count + 1) * sizeof *routes);

    if (!routes)
        return STRATO_ENOMEM;
    config->routes = routes;
    routes[config->routes_count++] = *route;
    return 0;
}

static int read_key(struct strato_yaml *y, struct strato_options *o, const yaml_node_pair_t *pair)
{
    yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
    struct strato_option_error why;
    int rc;

    if (!strato_yaml_scalar(key) || !strato_yaml_scalar(value))
        return strato_yaml_complain(y, key, "a rule's keys and values are plain text");
    rc = strato_options_set(o, strato_yaml_scalar(key), strato_yaml_scalar(value), STRATO_ORIGIN_FILE, NULL, &why);
    if (rc == STRATO_ENOENT || rc == STRATO_EINVAL)
        return strato_yaml_complain(y, rc == STRATO_ENOENT ? key : value, "%s", why.text);
    return rc;
}

int broker_config_read_route(struct broker_config *config, struct strato_yaml *y, yaml_node_t *node)
{
    struct brain_route route = { 0 };
    struct strato_option_error why;
    struct written written;
    struct strato_options o;
    int rc;

    if (node->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, node, "a rule is a map: {topic: 'orders.>', target: audit, action: tee}");
    if (config->routes_count >= ROUTES_MAX)
        return strato_yaml_complain(y, node, "at most %d routing rules", ROUTES_MAX);
    rc = strato_options_open(&o, &broker_route_program, &written, sizeof written);
    if (rc < 0)
        return rc;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && rc == 0;
         pair++)
        rc = read_key(y, &o, pair);
    if (rc == 0 && translate(&written, &route, &why) < 0)
        rc = strato_yaml_complain(y, node, "%s", why.text);
    if (rc == 0)
        rc = append(config, &route);
    strato_options_fini(&o);
    return rc;
}
