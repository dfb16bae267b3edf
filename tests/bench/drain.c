// SPDX-License-Identifier: GPL-2.0
/*
 * Asks for all flows, as "conntrack -L" does, takes the kernel's messages and
 * drops them: what a listing costs without the program that prints it.
 *
 *	drain [FLOWS]	prints how many there were, and fails if it is not so many
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

static union {
	struct nlmsghdr nlh;
	char bytes[65536];
} buffer;

/* Returns a socket on which the dump comes, or -1. */
static int dump_begin(void)
{
	struct {
		struct nlmsghdr nlh;
		struct nfgenmsg nfg;
	} request = {
		.nlh.nlmsg_len = sizeof(request),
		.nlh.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.nfg.nfgen_family = AF_UNSPEC,
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);

	if (fd < 0 || sendto(fd, &request, sizeof(request), 0,
			     (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -1;
	return fd;
}

/* Returns whether there is more to come. */
static int take(ssize_t len, unsigned long *flows)
{
	struct nlmsghdr *nlh = &buffer.nlh;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			fprintf(stderr, "drain: the kernel refuses\n");
			exit(2);
		}
		++*flows;
	}
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long flows = 0;
	int fd = dump_begin();
	ssize_t len;

	if (fd < 0) {
		perror("drain");
		return 2;
	}
	do {
		len = recv(fd, &buffer, sizeof(buffer), 0);
		if (len <= 0) {
			perror("drain");
			return 2;
		}
	} while (take(len, &flows));
	close(fd);
	printf("%lu\n", flows);
	return argc > 1 && flows != strtoul(argv[1], NULL, 10);
}
