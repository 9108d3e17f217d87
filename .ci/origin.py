"""Two figures that score.py does not have, for .ci/score.

labels    of the captures whose protocol the truth's own dissector does not know
          (manifest.json: label_basis origin), those whose protocol demarc-agent names.
zeek      of the identity values in Zeek logs that lie beside captures, those that
          demarc-agent tells of some asset.

A folder's label is the origin's word; LABELS says which of our names it is. One that names no
protocol (a site, a link layer) is measured only where its file names one, by FILES.
"""
import collections
import glob
import importlib.util
import json
import os
import re
import subprocess

# Label of the corpus: names of deploy/protocols.md, or of a carrier, that are right for it.
LABELS = {
    'acse': {'mms'}, 'atg-veeder-root': {'atg'}, 'bsap': {'bsap'}, 'can': {'canopen', 'can'}, 'coap': {'coap'}, 'dlms': {'dlms'},
    'genisys': {'genisys'}, 'llmnr': {'llmnr'}, 'melsec': {'melsec'}, 'nmea': {'nmea'},
    'profinet': {'profinet-io', 'profinet-dcp', 'profinet-rt'}, 'roc-plus': {'roc-plus'}, 's7comm-plus': {'s7comm-plus'},
    'someip': {'someip'}, 'tplink-shp': {'tplink-shp'}, 'trdp': {'trdp'}, 'zabbix': {'zabbix'},
}
# Captures of labels that name no protocol: a part of the file's name, and what is right for it. None: it names none either.
FILES = [
    ('other', 'isakmp', {'ipsec'}), ('other', 'bjnp', {'bjnp'}), ('other', 'ubntac2', {'ubnt'}), ('other', 'upnp', {'ws-discovery', 'ssdp'}),
    ('other', 'pptp', {'pptp'}), ('remote-access', 'nomachine', {'nomachine'}), ('remote-access', 'radmin', {'radmin'}),
    ('site-multihost', 'BACnet', {'bacnet'}), ('site-multihost', 'Advantech', {'modbus'}), ('site-multihost', 'Modicon', {'modbus'}),
    ('site-multihost', '', None),
    ('linklayer', 'gre-erspan-vxlan', {'vxlan', 'gre'}), ('linklayer', 'erspan', None), ('linklayer', '6in4', {'ipip'}),  # a mirror is no connection
    ('linklayer', 'vxlan', {'vxlan'}), ('linklayer', 'gre-sample', {'gre'}), ('linklayer', 'Tunnels', {'gre', 'ipip', 'gtp-u'}),
    ('linklayer', 'dhcp', {'dhcp'}), ('linklayer', 'arp', {'arp'}), ('linklayer', '', None),
]
# Answers to Read Unique Identifier, by what asked for it (0, 11 by tag, 21 by long tag): expanded device type, revisions of protocol, device, software
# and hardware, device identifier, manufacturer, distributor, profile. Then tags, message, descriptor, serial number of the transducer, long tags.
HART = [first + x for first in (8, 140, 197) for x in (0, 2, 3, 4, 5, 15, 26, 27, 28)] + [138, 169, 170, 171, 173, 189, 190, 191, 194, 195, 226]
# Log: its fields that identify a device, and under which condition. Logs whose header the origin cut off name columns by number, from 0.
# Logs of operations, counters and times (conn, dnp3, modbus, cip_io, bsap, ...) identify nobody.
FIELDS = [
    ('accept', ['calling_ap_title'], None), ('refuse', ['calling_ap_title'], None),  # acse: called titles name who was asked for, not who is there
    ('bacnet_discovery', ['instance_number', 'vendor'], ('pdu_service', 'i-am')),
    ('bacnet_property', ['value'], ('object_type', 'device', 'property', 'object-name|vendor-name|model-name|firmware-revision|application-software-version|location|description|serial-number')),
    ('cip_identity', [14, 15, 16, 17, 18, 19, 21, 22], None),  # vendor, its name, device type, its name, product code, revision, serial number, product name
    ('c1222', [10], None),                             # calling ApTitle
    ('c1222_identification_service', [9], None),       # device class
    ('c1222_dereg_reg_service', [9, 10, 11, 12], (5, 'Req')),  # device class, ApTitle, electronic serial number, native address
    ('genisys', ['server'], None),                     # station address
    ('goose', ['gocb_ref', 'dataset', 'go_id', 'appid'], None),
    ('hart_ip_universal_commands', HART, None),
    ('hart_ip_common_commands', [47], None),           # serial number of a transducer
    ('profinet_io_cm', [24], None),                    # object: device and vendor
    ('omron_fins_detail', [44, 45, 63], (6, r'Response.*')),  # model and version of a controller, models of its units
    ('roc_plus_sys_cfg', [10], None),                  # type of device
    ('s7comm_known_devices', ['automation_system_name', 'module_name', 'plant_name', 'module_serial'], None),
    ('sv', ['sv_id'], None),
    ('synchrophasor_cfg_detail', ['station_name', 'data_source_id'], None),
]
NOTHING = {'', '-', '(empty)', 'none', 'unknown'}


def right(name, label):
    """The protocol names that are right for a capture; None when its label names no protocol."""
    if label in LABELS:
        return LABELS[label]
    for of, part, names in FILES:
        if of == label and part in name:
            return names
    raise SystemExit(f'score: label {label} of {name} has no line in .ci/origin.py')


def inventory(agent, capture):
    run = subprocess.run([*agent, capture], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return json.loads(run.stdout) if run.returncode == 0 else {}


def names(found):
    """Protocols that were proved or inferred, not those by port alone."""
    of = {c.get('protocol') for c in found.get('connections') or [] if c.get('grade') not in ('', 'hint')}
    return of


def zeek(path):
    """Rows of a Zeek log: dictionaries by field, or by number where the header was cut off."""
    fields = None
    for line in open(path, encoding='utf-8', errors='replace'):
        cells = line.rstrip('\n').split('\t')
        if cells[0] == '#fields':
            fields = cells[1:]
        elif not line.startswith('#'):
            yield dict(zip(fields, cells)) if fields else dict(enumerate(cells))


def values(log, rows):
    """The identity values of one log."""
    kind = re.sub(r'.*__', '', os.path.basename(log))[:-len('.log')]
    for name, fields, only in FIELDS:
        if name != kind:
            continue
        for row in rows:
            pairs = zip(only[::2], only[1::2]) if only else ()
            if all(re.fullmatch(want, row.get(field, '')) for field, want in pairs):
                yield from ((f'{kind}.{f}', v) for f in fields if row.get(f, '-') not in NOTHING for v in parts(row[f]))


def parts(value):
    """The values in a cell: an object identifier of PROFINET holds device and vendor, in either byte order."""
    m = re.fullmatch(r'(?:DEA00000-6C97-11D1|0000A0DE-976C-D111)-8271-[0-9A-F]{4}([0-9A-F]{4})([0-9A-F]{4})', value)
    return [f'0x{x.lower()}' for x in m.groups()] if m else [value]


def plain(value):
    """A value without padding, and without what its table adds in brackets or behind a slash: former names and brands of a vendor, sizes of a family."""
    return re.sub(r'(\\x[0-9a-f]{2})+$|\s*\([^)]*\)$|/Allen-Bradley$', '', value)


def load(corpus):
    """score.py of the corpus: how it holds a value against what an asset tells is ours, too."""
    spec = importlib.util.spec_from_file_location('corpus_score', os.path.join(corpus, 'score.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(score, found):
    """The strings of all assets, and the numbers in them."""
    strings = [score.norm(s) for a in found.get('assets') or [] for s in score.strings(a)]
    numbers = {score.num(w if w[:2] == '0x' else w.lstrip('0') or '0') for s in strings for w in re.findall(r'0x[0-9a-f]+|\d+', s)}
    numbers |= {int(s, 16) for s in strings if re.fullmatch('[0-9a-f]{6,16}', s)}
    return strings, numbers


def measure(corpus, agent):
    """Returns the two figures, [right, of] each, and what was missed."""
    score, captures = load(corpus), os.path.join(corpus, 'captures')
    figures, missed = {'labels': [0, 0], 'zeek': [0, 0]}, []

    def count(figure, ok, *what):
        figures[figure][1] += 1
        figures[figure][0] += ok
        if not ok:
            missed.append((figure, *what))

    for x in json.load(open(os.path.join(corpus, 'manifest.json'))):
        name, want = x['file'], None
        if x['label_basis'] == 'origin':
            want = right(name, x['label'])
        logs = sorted(glob.glob(os.path.join(captures, glob.escape(name) + '.zeek', '*.log')))
        if want is None and not logs:
            continue
        found = inventory(agent, os.path.join(captures, name))
        if want is not None:
            count('labels', bool(want & names(found)), name, sorted(want), sorted(n or '' for n in names(found)))
        truth = json.load(open(os.path.join(captures, name + '.truth.json')))
        here = {h['ip'] for h in truth['hosts']} | {m['mac'] for m in truth['macs']}
        said = told(score, found)
        for log in logs:
            rows = (r for r in zeek(log) if here & set(map(str, r.values())))  # some logs are of other captures of the same test
            for field, value in sorted(set(values(log, rows))):
                count('zeek', score.holds(*said, plain(value)), name, field, value)
    return figures, missed
