/*
 * service_notify.h - what the service manager is told: one datagram to $NOTIFY_SOCKET.
 *
 * Lines as of sd_notify(3), such as "READY=1\nSTATUS=serving". Without the variable, or when nobody
 * listens, nothing happens: a node does not depend on who has started it.
 */
#ifndef RINGD_SERVICE_NOTIFY_H
#define RINGD_SERVICE_NOTIFY_H

void service_notify(const char *lines);

#endif
