# Three routers' worth of namespaces for the hop walk's test: an instance, two routers and a server.
# Runs in a user, network and mount namespace of its own; $1 is the test's program, the rest its arguments.
set -eu
mount -t tmpfs none /run
mkdir -p /run/netns
hosts=/run/hosts
for name in instance first second server; do
    ip netns add $name
    ip -n $name link set lo up
    # Nobody else is here to have the same address, and the first packets would wait for that to be found out.
    ip netns exec $name sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
done
join() { # NAMESPACE ADDRESS NAMESPACE ADDRESS
    ip link add "$1-$3" type veth peer name "$3-$1"
    ip link set "$1-$3" netns "$1"
    ip link set "$3-$1" netns "$3"
    ip -n "$1" address add "$2" dev "$1-$3"
    ip -n "$3" address add "$4" dev "$3-$1"
    ip -n "$1" link set "$1-$3" up
    ip -n "$3" link set "$3-$1" up
}
join instance 10.0.0.2/24 first 10.0.0.1/24
join first 10.0.1.1/24 second 10.0.1.2/24
join second 10.0.2.1/24 server 10.0.2.2/24
for name in first second; do
    ip netns exec $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
done
ip -n instance address add fd00:0::2/64 dev instance-first nodad
ip -n first address add fd00:0::1/64 dev first-instance nodad
ip -n first address add fd00:1::1/64 dev first-second nodad
ip -n second address add fd00:1::2/64 dev second-first nodad
ip -n second address add fd00:2::1/64 dev second-server nodad
ip -n server address add fd00:2::2/64 dev server-second nodad
ip -n instance -6 route add default via fd00:0::1
ip -n first -6 route add default via fd00:1::2
ip -n second -6 route add fd00:0::/64 via fd00:1::1
ip -n second -6 route add 2001:db8::/32 via fd00:2::2
ip -n server -6 route add default via fd00:2::1
ip -n server address add 2001:db8::1/128 dev lo nodad
echo "2001:db8::1 six.test" >> "$hosts"
ip -n instance route add default via 10.0.0.1
ip -n first route add default via 10.0.1.2
ip -n second route add 10.0.0.0/24 via 10.0.1.1
ip -n second route add 198.18.0.0/15 via 10.0.2.2
ip -n server route add default via 10.0.2.1
ip -n server address add 198.18.0.1/32 dev lo
echo "198.18.0.1 visible.test" >> "$hosts"
for last in 1 2; do
    ip -n server address add 198.18.1.$last/32 dev lo
    echo "198.18.1.$last hidden.test" >> "$hosts"
done
echo "198.18.2.1 nobody.test" >> "$hosts"
echo "10.0.0.1 inside.test" >> "$hosts"
for last in $(seq 1 20); do
    ip -n server address add 198.18.3.$last/32 dev lo
    echo "198.18.3.$last many.test" >> "$hosts"
done
# The second router has no route to one address, and the first one's firewall forbids another.
echo "203.0.113.1 nowhere.test" >> "$hosts"
echo "198.18.4.1 forbidden.test" >> "$hosts"
# The way to one prefix hides its routers, as a gateway endpoint does; to another address it ends in silence.
ip netns exec first nft -f - <<'RULES'
table ip hide {
    chain before { type filter hook prerouting priority mangle; ip daddr 198.18.1.0/24 ip ttl <= 2 drop; }
    chain through { type filter hook forward priority filter; ip daddr 198.18.2.1 drop; ip daddr 198.18.4.1 reject with icmp type admin-prohibited; }
}
RULES
mount --bind "$hosts" /etc/hosts
VPCPROBE_TEST_ROLE=server ip netns exec server "$@" &
server=$!
trap 'kill $server' EXIT
VPCPROBE_TEST_ROLE=instance ip netns exec instance "$@"
