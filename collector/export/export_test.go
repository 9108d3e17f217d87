package export

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// bench makes packages out of a log and a key of its own.
type bench struct {
	testing.TB
	log       store.Store
	authority *pki.Authority
	now       time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, now: noon}
	var err error
	if b.authority, err = pki.Open(t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	if b.log, err = bolt.Open(filepath.Join(t.TempDir(), "demarc.db"), bolt.Options{Clock: func() time.Time { return b.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.log.Close() })
	for i, on := range []string{"policy version 1", "lines-ato", "other-ato", "f-1 f-2", "lines-ato/C1"} {
		b.act(store.Act{Who: "ana", What: "act", On: on, Detail: fmt.Sprintf("the %d. \u2028 <act>", i+1)})
		b.now = b.now.Add(time.Minute)
	}
	return b
}

func (b *bench) act(a store.Act) {
	b.Helper()
	if err := b.log.AppendAudit(b.Context(), a); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) pin() *pki.Fingerprint {
	pin := b.authority.Fingerprint()
	return &pin
}

// contents are those of a small package.
var contents = map[string]string{"conditions.json": "[\n{}\n]\n", "documents/site-houston.yaml": "kind: Site\n", "empty.txt": ""}

// write makes a package.
func (b *bench) write(show func(*store.Act) bool) []byte {
	b.Helper()
	var out bytes.Buffer
	p := newPacker(&out, Manifest{Format: format, Authorization: "lines-ato", Boundaries: []string{"line4"}, AsOf: b.now, Key: b.authority.Fingerprint().String()})
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		b.must(p.file(name, text(contents[name])))
	}
	b.must(p.file(auditName, func(w io.Writer) (err error) {
		p.manifest.Audit, err = writeAudit(b.Context(), w, b.log, b.now, show)
		return err
	}))
	b.must(p.file(certificateName, text(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.authority.Certificate().Raw})))))
	b.must(p.seal(b.authority.SignText, func(string) error { return nil }))
	return out.Bytes()
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func everything(*store.Act) bool { return true }

// faultsOf are what verifying finds, the refusal as one of them.
func faultsOf(data []byte, pin *pki.Fingerprint) string {
	r, err := Verify(bytes.NewReader(data), int64(len(data)), pin)
	if err != nil {
		return err.Error()
	}
	return strings.Join(r.Faults, "\n")
}

func TestPackageIsIntact(t *testing.T) {
	b := newBench(t)
	data := b.write(everything)
	r, err := Verify(bytes.NewReader(data), int64(len(data)), b.pin())
	if err != nil || len(r.Faults) > 0 || len(r.Checks) != 6 {
		t.Fatalf("%v %+v", err, r)
	}
	for _, c := range r.Checks {
		if !c.Intact || c.Words == "" {
			t.Errorf("%+v", c)
		}
	}
	if m := r.Manifest; m.Audit.Entries != 5 || m.Audit.Whole != 5 || len(m.Files) != 5 || !m.AsOf.Equal(b.now) {
		t.Errorf("%+v", m)
	}
	if !bytes.Equal(data, b.write(everything)) {
		t.Error("the same moment makes another package")
	}
	if r, err = Verify(bytes.NewReader(data), int64(len(data)), nil); err != nil || len(r.Faults) > 0 || !strings.Contains(r.Checks[0].Words, "not checked") {
		t.Errorf("without a pin nobody is told that the key was not checked: %v %+v", err, r)
	}
	if got := faultsOf(data, newBench(t).pin()); !strings.Contains(got, "not that of --pin") {
		t.Errorf("another collector's key: %q", got)
	}
}

// TestEveryByteCounts: no byte of a package can change unseen, but for bits that
// fill up the last byte of a packed file; none can be cut off or put behind it.
func TestEveryByteCounts(t *testing.T) {
	b := newBench(t)
	data := b.write(everything)
	whole, unseen := unpacked(t, data), 0
	for i := range data {
		data[i] ^= 1 << (i % 8)
		if faultsOf(data, b.pin()) == "" {
			if unseen++; !slices.Equal(unpacked(t, data), whole) {
				t.Errorf("byte %d of %d changed unseen", i, len(data))
			}
		}
		data[i] ^= 1 << (i % 8)
		if i%16 == 0 && (faultsOf(data[:i], b.pin()) == "" || faultsOf(data[i+1:], b.pin()) == "") {
			t.Errorf("cut at %d, unseen", i)
		}
	}
	if unseen > len(whole) {
		t.Errorf("%d changes unseen, with %d files", unseen, len(whole))
	}
	if faultsOf(append(slices.Clone(data), 0), b.pin()) == "" || faultsOf(append([]byte{0}, data...), b.pin()) == "" {
		t.Error("a byte was put before or behind it, unseen")
	}
}

// part is a file of a package that is put together anew.
type part struct{ name, text string }

// unpacked lists the files of a package in their order.
func unpacked(t testing.TB, data []byte) (all []part) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part{f.Name, string(text)})
	}
	return all
}

// packed is a zip file as a collector would write it, of whatever there is.
func packed(t *testing.T, all []part, at time.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range all {
		w, err := z.CreateHeader(header(f.name, at))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAlterationsAreNamed: whoever packs the file anew is found out, and told
// what it is that differs.
func TestAlterationsAreNamed(t *testing.T) {
	b := newBench(t)
	whole := unpacked(t, b.write(everything))
	if faults := faultsOf(packed(t, whole, b.now), b.pin()); faults != "" {
		t.Fatalf("packed anew without a change: %s", faults)
	}
	altered := func(why string, all []part, want string) {
		t.Helper()
		if got := faultsOf(packed(t, all, b.now), b.pin()); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", why, got, want)
		}
	}
	for i, f := range whole {
		changed := slices.Clone(whole)
		flipped := []byte(f.text + " ")
		flipped[len(flipped)/2] ^= 1
		changed[i].text = string(flipped)
		want := f.name
		if f.name == signatureName {
			want = manifestName + " is not what the collector signed"
		}
		altered("changed "+f.name, changed, want)
		altered("without "+f.name, slices.Delete(slices.Clone(whole), i, i+1), f.name)
		renamed := slices.Clone(whole)
		renamed[i].name = "other.txt"
		altered(f.name+" by another name", renamed, f.name)
	}
	altered("one more", append(slices.Clone(whole), part{"more.txt", "x"}), "more.txt is there and was not written by the collector")
	swapped := slices.Clone(whole)
	swapped[0].text, swapped[1].text = swapped[1].text, swapped[0].text
	altered("two for each other", swapped, whole[0].name)
	if got := faultsOf(packed(t, whole, b.now.Add(time.Hour)), b.pin()); !strings.Contains(got, "beside the name") {
		t.Errorf("other times: %q", got)
	}
}

// TestForgedManifests: a manifest that was made anew to fit is not signed, and
// one that a stranger signed has the stranger's key.
func TestForgedManifests(t *testing.T) {
	b, stranger := newBench(t), newBench(t)
	all := unpacked(t, b.write(everything))
	at := func(name string) *part {
		return &all[slices.IndexFunc(all, func(f part) bool { return f.name == name })]
	}
	m, err := decode([]byte(at(manifestName).text))
	b.must(err)
	m.Files = slices.Delete(m.Files, 1, 2) // and the link behind it
	text, err := m.encode()
	b.must(err)
	at(manifestName).text = string(text)
	faults := faultsOf(packed(t, all, b.now), b.pin())
	for _, want := range []string{"is not what the collector signed", "the chain is broken at file 2", "was not written by the collector"} {
		if !strings.Contains(faults, want) {
			t.Errorf("%q lacks %q", faults, want)
		}
	}
	signature, err := stranger.authority.SignText(text)
	b.must(err)
	at(signatureName).text = string(signature)
	at(certificateName).text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stranger.authority.Certificate().Raw}))
	if got := faultsOf(packed(t, all, b.now), b.pin()); !strings.Contains(got, "names the key") {
		t.Errorf("%q", got)
	}
}

// TestHostilePackages: what does harm where it is unpacked, or would take all
// memory or time, is refused before it can.
func TestHostilePackages(t *testing.T) {
	b := newBench(t)
	whole := unpacked(t, b.write(everything))
	with := func(more ...part) []byte { return packed(t, append(slices.Clone(whole), more...), b.now) }
	many := make([]part, maxFiles+1)
	for i := range many {
		many[i].name = fmt.Sprint("f", i)
	}
	stored := func() []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		w, err := z.CreateHeader(&zip.FileHeader{Name: "a.txt", Method: zip.Store})
		b.must(err)
		_, err = io.WriteString(w, "x")
		b.must(errors.Join(err, z.Close()))
		return out.Bytes()
	}()
	commented := func() []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		b.must(errors.Join(z.SetComment("hidden"), z.Close()))
		return out.Bytes()
	}()
	bomb := slices.Clone(whole)
	bomb[0].text = strings.Repeat("0", 64<<20)
	fat := slices.Clone(whole)
	fat[slices.IndexFunc(fat, func(f part) bool { return f.name == manifestName })].text = strings.Repeat(" ", maxManifest+1)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":             {nil, "too short"},
		"text":                {bytes.Repeat([]byte("text "), 100), "a zip file ends otherwise"},
		"a way out":           {with(part{"../../etc/cron.d/x", "x"}), `called "../../etc/cron.d/x"`},
		"a way out on others": {with(part{`..\x`, "x"}), `called "..\\x"`},
		"from the root":       {with(part{"/etc/x", "x"}), "called"},
		"a drive":             {with(part{"c:x", "x"}), "called"},
		"dots":                {with(part{"a..b", "x"}), "called"},
		"deep":                {with(part{"a/b/c", "x"}), "called"},
		"a folder":            {with(part{"a/", ""}), "called"},
		"twice":               {with(whole[0]), whole[0].name + " is there twice"},
		"twice on some":       {with(part{strings.ToUpper(whole[0].name), "x"}), "is there twice"},
		"many":                {with(many...), "at most 20000"},
		"stored":              {stored, "packed otherwise"},
		"a comment":           {commented, "a zip file ends otherwise"},
		"a bomb":              {packed(t, bomb, b.now), whole[0].name + ": it is larger than"},
		"a fat manifest":      {packed(t, fat, b.now), "it is larger than"},
	} {
		if got := faultsOf(c.data, b.pin()); !strings.Contains(got, c.want) {
			t.Errorf("%s: %.300q, want %q", name, got, c.want)
		}
	}
	if _, err := Verify(bytes.NewReader(nil), maxPackage+1, nil); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a huge file: %v", err)
	}
}

// TestHiddenBytes: deflate ends by itself, and what is put between that end and
// the next file is read by no program; it is found all the same.
func TestHiddenBytes(t *testing.T) {
	b := newBench(t)
	data := b.write(everything)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	b.must(err)
	var out bytes.Buffer
	again := zip.NewWriter(&out)
	for i, f := range z.File {
		fh := f.FileHeader
		raw, err := f.OpenRaw()
		b.must(err)
		packed, err := io.ReadAll(raw)
		b.must(err)
		if i == 0 {
			packed = append(packed, "hidden"...)
			fh.CompressedSize64 = uint64(len(packed))
		}
		w, err := again.CreateRaw(&fh)
		b.must(err)
		_, err = w.Write(packed)
		b.must(err)
	}
	b.must(again.Close())
	if got := faultsOf(out.Bytes(), b.pin()); !strings.Contains(got, z.File[0].Name+": something stands behind its packed bytes") {
		t.Errorf("%q", got)
	}
}

// TestAuditOfAPackage: what the caller may not read is there as its hash, and
// the chain still shows what was changed, left out or moved.
func TestAuditOfAPackage(t *testing.T) {
	b := newBench(t)
	var out bytes.Buffer
	l, err := writeAudit(t.Context(), &out, b.log, b.now, about(map[string]bool{"lines-ato": true, "lines-ato/C1": true, "f-1": true}))
	if err != nil || l.Entries != 5 || l.Whole != 2 {
		t.Fatalf("%v %+v", err, l)
	}
	if strings.Contains(out.String(), "other-ato") || strings.Contains(out.String(), "f-2") || !strings.Contains(out.String(), "lines-ato/C1") {
		t.Errorf("%s", out.String())
	}
	if got, err := readAudit(&out); err != nil || got != l {
		t.Errorf("%v %+v", err, got)
	}
	out.Reset()
	if l, err = writeAudit(t.Context(), &out, b.log, b.now, everything); err != nil || l.Whole != 5 {
		t.Fatalf("%v %+v", err, l)
	}
	whole := strings.SplitAfter(strings.TrimSpace(out.String())+"\n", "\n")[:5]
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"moved":          {[]string{whole[0], whole[2], whole[1], whole[3], whole[4]}, "entry 3 follows 1"},
		"left out":       {[]string{whole[0], whole[2], whole[3], whole[4]}, "entry 3 follows 1"},
		"cut off":        {whole[1:], "entry 2 follows 0"},
		"changed":        {[]string{whole[0], strings.Replace(whole[1], "ana", "eve", 1)}, "entry 2 was changed"},
		"a hash changed": {[]string{strings.Replace(whole[0], `"hash":"`, `"hash":"00`, 1)}, "has no hash"},
		"no entry":       {[]string{"x\n"}, "no entry"},
		"unknown key":    {[]string{`{"sequence":1,"more":1}` + "\n"}, "no entry"},
		"two in a line":  {[]string{strings.TrimSpace(whole[0]) + whole[1]}, "no entry"},
		"half withheld":  {[]string{strings.Replace(whole[0], `"hash"`, `"withheld":true,"hash"`, 1)}, "says that it is withheld"},
		"no time":        {[]string{`{"sequence":1,"hash":"` + strings.Repeat("0", 64) + `"}` + "\n"}, "has no time"},
		"a long line":    {[]string{strings.Repeat("x", maxLine+1)}, "longer than"},
	} {
		if _, err := readAudit(strings.NewReader(strings.Join(c.lines, ""))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// entries is a log that is all there.
type entries []store.AuditEntry

func (e *entries) AppendAudit(_ context.Context, a store.Act) error {
	var last store.AuditEntry
	if n := len(*e); n > 0 {
		last = (*e)[n-1]
	}
	*e = append(*e, store.Chain(last, a))
	return nil
}

func (e entries) AuditLog(_ context.Context, after uint64, limit int) ([]store.AuditEntry, error) {
	return e[after:min(int(after)+limit, len(e))], nil
}

func (e entries) LastAudit(context.Context) (store.AuditEntry, error) { return e[len(e)-1], nil }

// TestAuditEndsWithTheMoment: acts of later are not in, and what an agent tells
// late of before does not come in later.
func TestAuditEndsWithTheMoment(t *testing.T) {
	var log entries
	act := func(at time.Time, what string) {
		_ = log.AppendAudit(t.Context(), store.Act{Time: at, Who: "x", What: what, On: "x"})
	}
	check := func(at time.Time, want uint64) {
		t.Helper()
		if n, err := auditUntil(t.Context(), &log, at); err != nil || n != want {
			t.Errorf("%v: %d, %v; want %d", at, n, err, want)
		}
	}
	for i := range 3 {
		act(noon.Add(time.Duration(i)*time.Minute), "act")
	}
	check(noon.Add(90*time.Second), 2)
	check(noon.Add(-time.Second), 0)
	check(noon.Add(time.Hour), 3)
	act(noon, probeRequest)
	check(noon.Add(90*time.Second), 2)
	for range 2 * auditChunk {
		act(noon.Add(time.Hour), "later")
	}
	check(noon.Add(90*time.Second), 2)
	check(noon.Add(-time.Second), 0)
	var out bytes.Buffer
	if l, err := writeAudit(t.Context(), &out, &log, noon.Add(2*time.Hour), everything); err != nil || l.Entries != uint64(len(log)) {
		t.Errorf("%+v, %v", l, err)
	}
	log[7].Act.Who = "eve"
	if _, err := writeAudit(t.Context(), &out, &log, noon.Add(2*time.Hour), everything); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a log that was changed is handed out: %v", err)
	}
}

func TestWhatDocumentsConcern(t *testing.T) {
	doc := func(kind, name, text string) *demarcv1.PolicyDocument {
		return &demarcv1.PolicyDocument{Kind: kind, Name: name, Text: text}
	}
	all := []*demarcv1.PolicyDocument{
		doc("Site", "houston", "metadata: {name: houston}"), doc("Site", "austin", "metadata: {name: austin}"),
		doc("Boundary", "line4", "members: [{site: houston}]"), doc("Boundary", "line5", "members: [{site: austin}]"), doc("Boundary", "dmz", "title: DMZ"),
		doc("Authorization", "lines-ato", "boundaries: [line4]"), doc("Authorization", "plant-ato", "boundaries: [dmz]"), doc("Authorization", "cloud-ato", "x"), doc("Authorization", "line5-ato", "boundaries: [line5]"),
		doc("Interconnection", "line4-to-dmz", "from: {boundary: line4}\nto: {boundary: dmz}\nservices: [{set: ad}]"), doc("Interconnection", "line5-to-dmz", "from: {boundary: line5}, to: {boundary: dmz}"),
		doc("ServiceSet", "ad", "x"), doc("ServiceSet", "other", "x"),
		doc("Window", "w", "interconnection: line4-to-dmz"), doc("Window", "v", "interconnection: line5-to-dmz"),
		doc("Inventory", "line4-hw", "boundary: line4."),
	}
	var got []string
	for _, d := range concerning(all, []string{"lines-ato"}, []string{"line4"}, []string{"plant-ato", "cloud-ato"}) {
		got = append(got, document(d))
	}
	want := []string{"Site/houston", "Boundary/line4", "Boundary/dmz", "Authorization/lines-ato", "Authorization/plant-ato", "Authorization/cloud-ato", "Interconnection/line4-to-dmz", "ServiceSet/ad", "Window/w", "Inventory/line4-hw"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// FuzzVerify: no bytes make it panic, and none but those that the collector
// wrote pass.
func FuzzVerify(f *testing.F) {
	b := newBench(f)
	good := b.write(everything)
	whole := unpacked(f, good)
	f.Add(good)
	f.Add(b.write(about(map[string]bool{"lines-ato": true}))[:200])
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Verify(bytes.NewReader(data), int64(len(data)), b.pin())
		if err == nil && len(r.Faults) == 0 && !slices.Equal(unpacked(t, data), whole) {
			t.Error("other files than were written pass")
		}
	})
}
