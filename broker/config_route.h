/*
 * config_route.h - `routes:` of the configuration, read by config_read.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BROKER_CONFIG_ROUTE_H
#define STRATO_BROKER_CONFIG_ROUTE_H

#include "broker/config.h"
#include "core/option_yaml.h"

/** One entry of `routes:`. @return 0; STRATO_ECONFIG with file:line:column; STRATO_ENOMEM. */
int broker_config_read_route(struct broker_config *config, struct strato_yaml *y, yaml_node_t *node);
#endif
