/*
 * gateways.h - members that join while everything goes on, serve clients, and leave for good.
 *
 * One after the other: some node is asked to make a machine a member, and for what that starts
 * from; the machine runs, crashes and comes back; then some node is asked to remove it. Every other
 * one is to store data once a plan gives it some, and changes are staged of it. Rules:
 *
 *   M1  ids are given in their order, and a machine that is a member has the id that it was given
 *   M2  who was removed ends by itself once it can hear of it, and does so again when it is started
 *   M3  who owns nothing, a gateway or one that is joining, has no cell and no hint on its disk
 *
 * The members of each value of the register are register_oracle.h's matter.
 */
#ifndef SIM_GATEWAYS_H
#define SIM_GATEWAYS_H

#include <stdbool.h>
#include <stddef.h>

struct gateways;
struct world;

struct gateways *gateways_new(struct world *world);
void gateways_free(struct gateways *gateways);

/* Faults have ended: who is a member starts again, and nobody joins any more. */
void gateways_heal(struct world *world);
/* Whether nothing is under way and all are where they belong; else `reason` says what is not. */
bool gateways_are_quiet(struct world *world, char *reason, size_t size);

/* AT_GATEWAY_STEP */
void gateways_handle(struct world *world);

#endif
