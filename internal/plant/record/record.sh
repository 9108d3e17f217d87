#!/bin/bash
# Records the conversations of the example plant anew, into ../recorded. Needs
# root, Debian 12 and the packages listed in ../recorded/README.md. Everything
# runs in two network namespaces that reach nothing but each other.
#   record.sh [NAME...]      all recordings, or those whose name begins with NAME
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../recorded
work=$(mktemp -d)
ns() { ip netns exec "plant-$1" "${@:2}"; }
peer() { exec ip netns exec "plant-$1" "${@:2}"; } # for "peer ... &": the job is the program itself
say() { echo "record: $*" >&2; }

cleanup() {
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null || true
	ip netns del plant-client 2>/dev/null || true
	ip netns del plant-server 2>/dev/null || true
	rm -rf "$work" /etc/netns/plant-client /etc/netns/plant-server
}
trap cleanup EXIT

setup() {
	ip netns add plant-client
	ip netns add plant-server
	ip link add name eth0 netns plant-client type veth peer name eth0 netns plant-server
	for side in client server; do
		ns $side ip link set lo up
		ns $side ip link set eth0 up
		ns $side sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		mkdir -p /etc/netns/plant-$side
		cat >/etc/netns/plant-$side/hosts <<-HOSTS
			127.0.0.1 localhost
			10.20.4.10 scada-l4.houston.example
			10.20.5.10 scada-l5.houston.example
			10.50.1.5 dc1.houston.example
			10.50.1.20 historian.houston.example
			10.50.1.30 jump.houston.example
			10.60.60.10 erp.houston.example
			10.60.60.20 mes.houston.example
			10.60.60.30 lims.company.example
			198.51.100.70 ingest.insight.example
			203.0.113.34 www.example.com
			203.0.113.40 router7.teamviewer.com
			198.51.100.50 news.example.com
		HOSTS
		echo 'nameserver 10.50.1.5' >/etc/netns/plant-$side/resolv.conf
	done
}

# take NAME CLIENT SERVER: gives both sides their addresses and starts the capture.
take() {
	name=$1
	for side in client server; do ns $side ip addr flush dev eth0; done
	ns client ip addr add "$2/32" dev eth0
	ns server ip addr add "$3/32" dev eth0
	for side in client server; do ns $side ip route add default dev eth0; done
	peer server tcpdump -q -Z root -i eth0 -w "$work/$name.pcap" -s 0 -U "(tcp or udp) and host $2 and ${4:-host $3}" 2>/dev/null &
	capture=$!
	sleep 1
	say "$name"
}

# done_with PID...: ends the peers and keeps the capture.
done_with() {
	sleep 0.5
	kill "$@" 2>/dev/null || true
	sleep 0.5
	kill $capture
	wait $capture || true
	mv "$work/$name.pcap" "$out/$name.pcap"
}

certificate() { # FILE SUBJECT SAN
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout "$work/$1.key" -out "$work/$1.pem" -subj "$2" -addext "subjectAltName=$3" -addext 'keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment' -addext 'extendedKeyUsage=serverAuth,clientAuth' 2>/dev/null
}

# s7 NAME CLIENT SERVER SCRIPT ARGS...: nodes7 or the engineering tool against our device.
s7() {
	take "$1" "$2" "$3"
	peer server "$work/record" s7-device -listen "$3:102" "${@:5}" & server=$!
	sleep 0.3
	if [ "$4" = engineer ]; then ns client "$work/record" s7-engineer -connect "$3:102"; else ns client node "$here/s7.js" "$3" "$4"; fi
	done_with $server
}
record_s7() {
	local s315=(-station 'SIMATIC 300(1)' -module 'PLC_FILLER_4' -model 'CPU 315-2 PN/DP' -order '6ES7 315-2EH14-0AB0' -firmware 3.2.14 -serial 'S C-F4HX40112014')
	local s317=(-station 'SIMATIC 300(1)' -module 'PLC_FILLER_5' -model 'CPU 317-2 PN/DP' -order '6ES7 317-2EK14-0AB0' -firmware 3.2.12 -serial 'S C-G7KM51337016')
	local s1214=(-station 'S7-1200 station_1' -module 'PLC_PACK_4' -model 'CPU 1214C DC/DC/DC' -order '6ES7 214-1AG40-0XB0' -firmware 4.5.2 -serial 'S V-L9PX20733021')
	s7 s7-poll-4 192.168.1.5 192.168.1.10 poll "${s315[@]}"
	s7 s7-poll-5 192.168.1.5 192.168.1.10 poll "${s317[@]}"
	s7 s7-engineer-4 192.168.1.60 192.168.1.10 engineer "${s315[@]}"
	s7 s7-engineer-5 192.168.1.60 192.168.1.10 engineer "${s317[@]}"
	s7 s7-panel 10.20.4.50 10.20.4.11 poll "${s1214[@]}"
	s7 s7-identify 10.20.4.60 10.20.4.11 engineer "${s1214[@]}"
	s7 s7-write 10.60.61.30 10.20.4.11 write "${s1214[@]}"
}

# modbus NAME CLIENT SERVER VENDOR CODE REVISION PRODUCT MODEL
modbus() {
	take "$1" "$2" "$3"
	peer server /usr/bin/python3 "$here/modbus_server.py" "$3" "${@:4}" & server=$!
	sleep 1.5
	ns client /usr/bin/python3 "$here/modbus_client.py" "$3"
	done_with $server
}
record_modbus() {
	modbus modbus-gateway-4 192.168.1.5 192.168.1.30 'Schneider Electric' 'TSXETG100' '2.70' 'EGX100 Gateway' 'EGX100MG'
	modbus modbus-gateway-5 192.168.1.5 192.168.1.30 'Moxa' 'MB3170' '4.1' 'MGate MB3170' 'MB3170'
	modbus modbus-drive-5 192.168.1.5 192.168.1.31 'Schneider Electric' 'ATV630D15N4' 'V3.4IE35' 'Altivar Process' 'ATV630'
}

list_identity() { # ADDRESS DEVICE-ARGS...
	peer server "$work/record" enip-device -address "$1" "${@:2}" & server=$!
	sleep 0.3
	ns client node "$here/enip.js" list
	done_with $server
}
record_enip() {
	local rack4=(-name '1756-EN2T/D' -type 12 -code 166 -major 11 -minor 4 -serial $((0x00a4c1e2)) -controller '1756-L73/B LOGIX5573' -controller-code 94 -controller-serial $((0x00b81f47)))
	local single5=(-name '1769-L33ER/A LOGIX5333ER' -type 14 -code 107 -major 33 -minor 11 -serial $((0x60211f07)))
	for line in 4 5; do
		local id=("${rack4[@]}"); [ $line = 5 ] && id=("${single5[@]}")
		take enip-list-$line 192.168.1.60 192.168.1.20 'udp port 44818'
		list_identity 192.168.1.20 "${id[@]}"
		local rack=(-name '1734-AENT PointIO' -type 12 -code 108 -major 5 -minor 19 -serial $((0x70000000 + line * 4711)))
		take enip-list-io-$line 192.168.1.60 192.168.1.40 'udp port 44818'
		list_identity 192.168.1.40 "${rack[@]}"
		take enip-tags-$line 192.168.1.5 192.168.1.20
		peer server "$work/record" enip-device -address 192.168.1.20 "${id[@]}" & server=$!
		sleep 0.3
		ns client node "$here/enip.js" tags 192.168.1.20
		done_with $server
		take enip-io-$line 192.168.1.20 192.168.1.40
		peer server "$work/record" enip-device -address 192.168.1.40 "${rack[@]}" & server=$!
		sleep 0.3
		ns client timeout 12 node "$here/enip.js" io 192.168.1.40 192.168.1.20 || true
		done_with $server
	done
}

record_opcua() {
	for line in 4 5; do
		local host=scada-l$line.houston.example
		certificate scada /C=US/O=Houston\ plant/CN=SCADA\ line\ $line "URI:urn:$host:scada,DNS:$host"
		certificate historian /C=US/O=Houston\ plant/CN=Site\ historian 'URI:urn:historian.houston.example:historian,DNS:historian.houston.example'
		take opcua-$line 10.50.1.20 10.20.$line.10
		peer server "$work/record" opcua-server -host $host -cert "$work/scada.pem" -key "$work/scada.key" -application "SCADA line $line" -version 8.2.$line 2>/dev/null & server=$!
		sleep 1
		local more=(-subscribe); [ $line = 5 ] && more=(-cert "$work/historian.pem" -key "$work/historian.key")
		ns client "$work/record" opcua-client -connect opc.tcp://$host:4840 "${more[@]}"
		done_with $server
	done
	local host=scada-l4.houston.example
	take opcua-panel 10.20.4.50 10.20.4.10
	certificate scada /C=US/O=Houston\ plant/CN=SCADA\ line\ 4 "URI:urn:$host:scada,DNS:$host"
	peer server "$work/record" opcua-server -host $host -cert "$work/scada.pem" -key "$work/scada.key" -application 'SCADA line 4' -version 8.2.4 2>/dev/null & server=$!
	sleep 1
	ns client "$work/record" opcua-client -connect opc.tcp://$host:4840 -for 4s
	done_with $server
}

# tls NAME CLIENT SERVER HOST PATH [OPENSSL ARGS...]: openssl s_server -WWW and s_client.
tls() {
	certificate tls "/C=US/O=Example/CN=$4" "DNS:$4"
	take "$1" "$2" "$3"
	printf 'ok %.0s' {1..200} >"$work/${5#/}"
	(cd "$work" && exec ip netns exec plant-server openssl s_server -quiet -WWW -accept "$3:443" -cert tls.pem -key tls.key "${@:6}" 2>/dev/null) & server=$!
	sleep 0.5
	for _ in 1 2; do
		printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$5" "$4" | ns client timeout 3 openssl s_client -quiet -connect "$3:443" -servername "$4" >/dev/null 2>&1 || true
	done
	done_with $server
}
record_tls() {
	tls tls-panel-out 10.20.4.50 203.0.113.34 www.example.com /update.txt -tls1_2
	tls tls-remote-tool 10.20.5.60 203.0.113.40 router7.teamviewer.com /dout.txt
	tls tls-office-web 10.60.61.21 198.51.100.50 news.example.com /index.txt
	tls tls-erp 10.60.61.22 10.60.60.10 erp.houston.example /orders.txt
	tls tls-broker-cloud 10.50.1.40 198.51.100.70 ingest.insight.example /batch.txt
}

# http NAME CLIENT SERVER HOST PORT CURL-ARGS...
http() {
	take "$1" "$2" "$3"
	peer server /usr/bin/python3 "$here/http_server.py" "$3" "$5" & server=$!
	sleep 0.7
	ns client curl -s -o /dev/null "${@:6}"
	done_with $server
}
record_http() {
	local order='{"order":"4500017211","material":"FG-2041","line":4,"quantity":18000}'
	http http-erp-mes 10.60.60.10 10.60.60.20 mes.houston.example 8080 -H 'Content-Type: application/json' -d "$order" http://mes.houston.example:8080/api/orders
	http http-mes-erp 10.60.60.20 10.60.60.10 erp.houston.example 8080 http://erp.houston.example:8080/api/confirmations
	http http-mes-historian 10.60.60.20 10.50.1.20 historian.houston.example 8080 'http://historian.houston.example:8080/api/values?tag=Filler.Speed'
	http http-historian-erp 10.50.1.20 10.60.60.10 erp.houston.example 8080 -A 'Historian-Connector/2023.1' -d '{"values":[{"tag":"L4.Filler.Speed","v":117.2},{"tag":"L5.Filler.Speed","v":98.4}]}' http://erp.houston.example:8080/api/production
	http http-historian-scada 10.50.1.20 10.20.5.10 scada-l5.houston.example 80 http://scada-l5.houston.example/trends/index.html
	http http-mes-lims 10.60.60.20 10.60.60.30 lims.company.example 8080 'http://lims.company.example:8080/lims/results?lot=FG-2041-0310'
	http http-unplaced 10.20.9.14 10.20.4.10 scada-l4.houston.example 80 -A 'FieldGate/1.4' http://scada-l4.houston.example/status
	http http-panel-scada 10.20.4.50 10.20.4.10 scada-l4.houston.example 80 http://scada-l4.houston.example/alarms/index.html
}

record_sql() {
	take sql-mes-historian 10.60.60.20 10.50.1.20
	install -d -o postgres "$work/pg"
	chmod 755 "$work"
	local pg=/usr/lib/postgresql/15/bin
	su postgres -c "$pg/initdb -D $work/pg -A trust >/dev/null"
	echo 'host all all 0.0.0.0/0 trust' >>"$work/pg/pg_hba.conf"
	peer server su postgres -c "$pg/postgres -D $work/pg -c listen_addresses=10.50.1.20 -c unix_socket_directories=$work/pg" 2>/dev/null & server=$!
	sleep 3
	ns server su postgres -c "psql -q -h $work/pg -c 'create table v (t int, tag text, value float8); insert into v select g, '\''L4.Filler.Speed'\'', 100+g%20 from generate_series(1,400) g;' -c 'create role mes login superuser'"
	PGSSLMODE=disable PGGSSENCMODE=disable ns client psql -q -h 10.50.1.20 -U mes -d postgres -c 'select pg_sleep(0.2)' -c 'select t, tag, value from v order by t limit 40' -c 'select pg_sleep(0.2)' -c 'select tag, avg(value) from v group by tag' >/dev/null
	done_with
	su postgres -c "$pg/pg_ctl -D $work/pg -m immediate stop >/dev/null"
}

record_dns() {
	take dns 10.20.4.50 10.50.1.5
	cat >"$work/dns.conf" <<-CONF
		no-resolv
		no-hosts
		address=/scada-l4.houston.example/10.20.4.10
		address=/historian.houston.example/10.50.1.20
		srv-host=_ldap._tcp.dc._msdcs.houston.example,dc1.houston.example,389
		address=/dc1.houston.example/10.50.1.5
		address=/www.example.com/203.0.113.34
		address=/router7.teamviewer.com/203.0.113.40
		address=/telemetry.vendor.example/198.51.100.60
	CONF
	peer server dnsmasq -k -C "$work/dns.conf" --listen-address=10.50.1.5 --bind-interfaces --user=root --pid-file= & server=$!
	sleep 0.7
	for q in scada-l4.houston.example historian.houston.example '-t SRV _ldap._tcp.dc._msdcs.houston.example' dc1.houston.example www.example.com router7.teamviewer.com telemetry.vendor.example; do
		# shellcheck disable=SC2086
		ns client dig +noedns +tries=1 @10.50.1.5 $q >/dev/null
	done
	done_with $server
}

record_ntp() {
	take ntp 10.20.4.10 10.50.1.5
	printf 'local stratum 4\nallow\nport 123\ncmdport 0\nbindaddress 10.50.1.5\npidfile %s/s.pid\n' "$work" >"$work/ntps.conf"
	printf 'server 10.50.1.5 iburst\ncmdport 0\npidfile %s/c.pid\n' "$work" >"$work/ntpc.conf"
	peer server chronyd -x -u root -d -f "$work/ntps.conf" >/dev/null 2>&1 & server=$!
	sleep 1
	ns client timeout 12 chronyd -x -u root -d -f "$work/ntpc.conf" >/dev/null 2>&1 || true
	done_with $server
}

record_ldap() {
	take ldap 10.20.4.60 10.50.1.5 'port 389'
	mkdir -p "$work/ldap"
	cat >"$work/slapd.conf" <<-CONF
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/inetorgperson.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		pidfile $work/slapd.pid
		database mdb
		suffix dc=houston,dc=example
		rootdn cn=reader,dc=houston,dc=example
		rootpw example
		directory $work/ldap
	CONF
	printf 'dn: dc=houston,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: Houston plant\ndc: houston\n\ndn: cn=operator4,dc=houston,dc=example\nobjectClass: inetOrgPerson\ncn: operator4\nsn: Operator\n' | slapadd -f "$work/slapd.conf" 2>/dev/null
	peer server slapd -d 0 -f "$work/slapd.conf" -h ldap://10.50.1.5 2>/dev/null & server=$!
	sleep 1
	ns client ldapsearch -LLL -x -H ldap://10.50.1.5 -D cn=reader,dc=houston,dc=example -w example -b dc=houston,dc=example '(cn=operator4)' >/dev/null
	done_with $server
}

record_kerberos() {
	take kerberos 10.20.4.60 10.50.1.5
	cat >"$work/krb5.conf" <<-CONF
		[libdefaults]
		default_realm = HOUSTON.EXAMPLE
		dns_lookup_kdc = false
		udp_preference_limit = 4000
		[realms]
		HOUSTON.EXAMPLE = {
			kdc = 10.50.1.5:88
		}
	CONF
	cat >"$work/kdc.conf" <<-CONF
		[kdcdefaults]
		kdc_listen = 10.50.1.5:88
		kdc_tcp_listen = 10.50.1.5:88
		[realms]
		HOUSTON.EXAMPLE = {
			database_name = $work/principal
			key_stash_file = $work/stash
		}
	CONF
	export KRB5_CONFIG=$work/krb5.conf KRB5_KDC_PROFILE=$work/kdc.conf KRB5CCNAME=$work/cc
	kdb5_util create -s -r HOUSTON.EXAMPLE -P example >/dev/null 2>&1
	kadmin.local -q 'addprinc -pw example ews-l4' >/dev/null 2>&1
	kadmin.local -q 'addprinc -pw example +requires_preauth operator4' >/dev/null 2>&1
	peer server krb5kdc -n -P "$work/kdc.pid" & server=$!
	sleep 1
	echo example | ns client kinit operator4 >/dev/null
	ns client kvno ews-l4@HOUSTON.EXAMPLE >/dev/null
	done_with $server
}

# rdp NAME CLIENT SERVER: FreeRDP logs on to xrdp as far as a server without desktop goes.
rdp() {
	certificate rdp "/CN=${4}" "DNS:$4"
	take "$1" "$2" "$3"
	sed -e "s|^certificate=.*|certificate=$work/rdp.pem|" -e "s|^key_file=.*|key_file=$work/rdp.key|" -e "s|^port=.*|port=tcp://$3:3389|" -e 's|^security_layer=.*|security_layer=tls|' -e 's|^#*LogFile=.*|LogFile=/dev/null|' /etc/xrdp/xrdp.ini >"$work/xrdp.ini"
	peer server xrdp -n -c "$work/xrdp.ini" >/dev/null 2>&1 & server=$!
	sleep 1.5
	ns client timeout 6 xvfb-run -a xfreerdp "/v:$3" /u:operator /p:example "/client-hostname:$5" /cert:ignore /bpp:16 /size:640x480 /sec:tls >/dev/null 2>&1 || true
	done_with $server
}
record_rdp() {
	rdp rdp-admin-jump 10.60.61.40 10.50.1.30 jump.houston.example PC-ADMIN
	rdp rdp-jump-ews 10.50.1.30 10.20.4.60 ews-l4.houston.example JUMP1
	rdp rdp-office-ews 10.60.61.21 10.20.5.60 ews-l5.houston.example PC-2107
}

go build -C "$here/../../.." -o "$work/record" ./internal/plant/record
setup
for part in s7 modbus enip opcua tls http sql dns ntp ldap kerberos rdp; do
	[ $# -eq 0 ] || [[ " $* " == *" $part "* ]] || continue
	"record_$part"
done
