/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SCTP: states and flags. The numbers of states are those that ctnetlink shows
 * to tools.
 */
#ifndef CT_SCTP_H
#define CT_SCTP_H

#include <linux/bits.h>
#include <linux/types.h>

struct sk_buff;

/**
 * enum ct_sctp_state - what was seen of an association
 * @CT_SCTP_NONE: nothing
 * @CT_SCTP_CLOSED: an INIT that nobody answered, or the end
 * @CT_SCTP_COOKIE_WAIT: INIT ACK
 * @CT_SCTP_COOKIE_ECHOED: COOKIE ECHO
 * @CT_SCTP_ESTABLISHED: COOKIE ACK, or the answer to a HEARTBEAT
 * @CT_SCTP_SHUTDOWN_SENT: SHUTDOWN in original direction
 * @CT_SCTP_SHUTDOWN_RECD: SHUTDOWN in reply direction
 * @CT_SCTP_SHUTDOWN_ACK_SENT: SHUTDOWN ACK
 * @CT_SCTP_HEARTBEAT_SENT: a HEARTBEAT of an association whose beginning was
 *	not seen, or took another path (RFC 9260, 8.3)
 * @CT_SCTP_STATES: how many they are
 */
enum ct_sctp_state {
	CT_SCTP_NONE,
	CT_SCTP_CLOSED,
	CT_SCTP_COOKIE_WAIT,
	CT_SCTP_COOKIE_ECHOED,
	CT_SCTP_ESTABLISHED,
	CT_SCTP_SHUTDOWN_SENT,
	CT_SCTP_SHUTDOWN_RECD,
	CT_SCTP_SHUTDOWN_ACK_SENT,
	CT_SCTP_HEARTBEAT_SENT,
	CT_SCTP_STATES
};

/* ct_sctp.flags */
#define CT_SCTP_F_OVER	BIT(0)	/* ended by ABORT or SHUTDOWN COMPLETE */
/* An INIT of ct_sctp.offer[i] was answered */
#define CT_SCTP_F_ANSWERED(i)	BIT(1 + (i))
/* In this direction checksums may be zero (RFC 9653) */
#define CT_SCTP_F_NO_CRC(dir)	BIT(3 + (dir))

__le32 ct_sctp_crc(struct sk_buff *skb, unsigned int off, unsigned int len);

#endif /* CT_SCTP_H */
