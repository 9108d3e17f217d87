package api

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// walk reads every page of assets and returns their ids.
func walk(t *testing.T, s *Service, r *demarcv1.ListAssetsRequest) []string {
	t.Helper()
	var ids []string
	for n := 0; ; n++ {
		a, err := s.ListAssets(reader(t), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range a.GetAssets() {
			ids = append(ids, x.GetId())
		}
		if len(a.GetAssets()) > int(r.GetPageSize()) || n > 1000 {
			t.Fatalf("a page of %d after %d pages", len(a.GetAssets()), n)
		}
		if a.GetNextPageToken() == "" {
			return ids
		}
		r.PageToken = a.GetNextPageToken()
	}
}

func someAssets(n int, random *rand.Rand) []*demarcv1.Asset {
	vendors := []string{"Siemens", "rockwell", "ABB", "", "Schneider Electric", "Zürich"}
	all := make([]*demarcv1.Asset, n)
	for i := range all {
		all[i] = &demarcv1.Asset{
			Id: fmt.Sprintf("a-%06d", i), Site: "houston", Ips: []string{fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)}, Vendor: vendors[random.IntN(len(vendors))],
			Names: []string{fmt.Sprintf("PLC-%d", random.IntN(n))}, LastSeen: timestamppb.New(time.Unix(random.Int64N(1000), 0)),
			Roles: []*demarcv1.AssetRole{{Role: "plc"}}, Places: []*demarcv1.Place{{Boundary: []string{"line4", "dmz", ""}[i%3]}},
		}
	}
	random.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func TestPagesAreWholeWhateverTheOrder(t *testing.T) {
	s, p := newService(t)
	random := rand.New(rand.NewPCG(1, 2))
	p.assets = someAssets(500, random)
	for _, order := range []string{"", "vendor", "vendor desc", "vendor, last_seen desc", "last_seen desc, name", "role", "boundary desc,address"} {
		var whole []string
		for _, size := range []uint32{1000, 1, 7, 499, 500} {
			ids := walk(t, s, &demarcv1.ListAssetsRequest{OrderBy: order, PageSize: size, Site: "houston"})
			if whole == nil {
				whole = ids
				if sorted := slices.Compact(slices.Sorted(slices.Values(ids))); len(sorted) != 500 {
					t.Fatalf("order %q lists %d of 500", order, len(sorted))
				}
			}
			if !slices.Equal(ids, whole) {
				t.Errorf("order %q by pages of %d is another than in one page", order, size)
			}
		}
	}
	a, _ := s.ListAssets(reader(t), &demarcv1.ListAssetsRequest{OrderBy: "vendor desc, last_seen", PageSize: 1000})
	if !slices.IsSortedFunc(a.GetAssets(), func(x, y *demarcv1.Asset) int {
		if c := strings.Compare(strings.ToLower(y.GetVendor()), strings.ToLower(x.GetVendor())); c != 0 {
			return c
		}
		return x.GetLastSeen().AsTime().Compare(y.GetLastSeen().AsTime())
	}) {
		t.Error("not by vendor from the end and then by time")
	}
}

// Rows that come and go between two pages are neither shown twice nor hide
// others.
func TestPagesHoldWhileRowsComeAndGo(t *testing.T) {
	s, p := newService(t)
	p.assets = someAssets(100, rand.New(rand.NewPCG(3, 4)))
	r := &demarcv1.ListAssetsRequest{PageSize: 10}
	first, err := s.ListAssets(reader(t), r)
	if err != nil {
		t.Fatal(err)
	}
	gone := first.GetAssets()[9].GetId()
	p.assets = slices.DeleteFunc(p.assets, func(a *demarcv1.Asset) bool { return a.GetId() == gone })
	p.assets = append(p.assets, &demarcv1.Asset{Id: "new", Site: "houston", Ips: []string{"10.0.0.0"}})
	r.PageToken = first.GetNextPageToken()
	second, err := s.ListAssets(reader(t), r)
	if err != nil || second.GetAssets()[0].GetIps()[0] != "10.0.0.10" || second.GetTotal() != 100 {
		t.Errorf("%v, total %d, %v", second.GetAssets()[0], second.GetTotal(), err)
	}
}

func TestFiltersOfAssets(t *testing.T) {
	s, p := newService(t)
	p.assets = someAssets(300, rand.New(rand.NewPCG(5, 6)))
	p.assets[0].Names = []string{"Kessel\u202eTurbine"}
	for _, c := range []struct {
		r    *demarcv1.ListAssetsRequest
		want func(*demarcv1.Asset) bool
	}{
		{&demarcv1.ListAssetsRequest{Boundary: "line4"}, func(a *demarcv1.Asset) bool { return a.GetPlaces()[0].GetBoundary() == "line4" }},
		{&demarcv1.ListAssetsRequest{Unplaced: true}, func(a *demarcv1.Asset) bool { return a.GetPlaces()[0].GetBoundary() == "" }},
		{&demarcv1.ListAssetsRequest{Search: "SIEMENS 10.0.1"}, func(a *demarcv1.Asset) bool {
			return a.GetVendor() == "Siemens" && strings.Contains(a.GetIps()[0], "10.0.1")
		}},
		{&demarcv1.ListAssetsRequest{Search: "zürich"}, func(a *demarcv1.Asset) bool { return a.GetVendor() == "Zürich" }},
		{&demarcv1.ListAssetsRequest{Search: "turbine"}, func(a *demarcv1.Asset) bool { return a == p.assets[0] }},
		{&demarcv1.ListAssetsRequest{Vendor: "ABB", Role: "plc"}, func(a *demarcv1.Asset) bool { return a.GetVendor() == "ABB" }},
		{&demarcv1.ListAssetsRequest{Ids: []string{"a-000007", "a-000008", "nobody"}}, func(a *demarcv1.Asset) bool { return a.GetId() == "a-000007" || a.GetId() == "a-000008" }},
	} {
		want := 0
		for _, a := range p.assets {
			if c.want(a) {
				want++
			}
		}
		a, err := s.ListAssets(reader(t), c.r)
		if err != nil || int(a.GetTotal()) != want || want == 0 || slices.ContainsFunc(a.GetAssets(), func(a *demarcv1.Asset) bool { return !c.want(a) }) {
			t.Errorf("%v: %d, want %d: %v", c.r, a.GetTotal(), want, err)
		}
	}
}

func TestVerdictsAreCountedWhateverVerdictIsAskedFor(t *testing.T) {
	s, p := newService(t)
	p.connections = []*demarcv1.JudgedConnection{
		judged("a", "internal", "10.20.4.9", "line4", "line4", 9), judged("b", "unauthorized", "10.9.0.1", "", "line4", 1), judged("c", "unauthorized", "10.9.0.1", "", "dmz", 1),
	}
	r, err := s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Verdict: "internal", Boundary: "line4"})
	if err != nil || r.GetTotal() != 1 || r.GetVerdicts()["unauthorized"] != 1 || r.GetVerdicts()["internal"] != 1 {
		t.Errorf("%v %v", r, err)
	}
	if r, err = s.ListConnections(reader(t), &demarcv1.ListConnectionsRequest{Crossing: true}); err != nil || r.GetTotal() != 2 {
		t.Errorf("%v %v", r, err)
	}
}

func TestPagesThatCannotBe(t *testing.T) {
	s, p := newService(t)
	p.assets = someAssets(50, rand.New(rand.NewPCG(7, 8)))
	good, err := s.ListAssets(reader(t), &demarcv1.ListAssetsRequest{PageSize: 3, Site: "houston"})
	if err != nil {
		t.Fatal(err)
	}
	token := good.GetNextPageToken()
	for what, r := range map[string]*demarcv1.ListAssetsRequest{
		"at most 1000":        {PageSize: 1001},
		"page_token":          {PageToken: "x"},
		"another filter":      {PageToken: token, Site: "alpha"},
		"another filter or":   {PageToken: token, Site: "houston", OrderBy: "vendor"},
		"begin again":         {PageToken: token[:20] + "AAAA" + token[24:], Site: "houston"},
		"page_token is not":   {PageToken: strings.Repeat("A", 1<<20)},
		"order_by":            {OrderBy: "colour"},
		"address, boundary":   {OrderBy: "vendor ascending"},
		"more than 4 columns": {OrderBy: "vendor,vendor,vendor,vendor,vendor"},
		"8 words":             {Search: "a b c d e f g h i"},
		"256 bytes":           {Search: strings.Repeat("a", 257)},
		"1001 ids":            {Ids: make([]string, 1001)},
		"historian":           {Role: "plcs"},
		"quiet":               {Presence: "there"},
	} {
		_, err := s.ListAssets(reader(t), r)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), what) || len(err.Error()) > 600 {
			t.Errorf("%v, want %q", err, what)
		}
	}
	if a, err := s.ListAssets(reader(t), &demarcv1.ListAssetsRequest{PageSize: 30, PageToken: token, Site: "houston"}); err != nil || len(a.GetAssets()) != 30 {
		t.Errorf("another size: %v", err)
	}
}

// Keys sort as what they stand for, from either end.
func TestKeysSort(t *testing.T) {
	asc := [][]key{
		{key{}.text(""), key{}.text("a"), key{}.text("AB"), key{}.text("abc"), key{}.text("b"), key{}.text("ü")},
		{key{}.address("9.0.0.1"), key{}.address("10.0.0.1"), key{}.address("10.0.0.10"), key{}.address("fd00::1"), key{}.address("00:0e:8c:00:00:01"), key{}.address("")},
		{key{}.time(nil), key{}.time(timestamppb.New(time.Unix(-5, 0))), key{}.time(timestamppb.New(time.Unix(0, 0))), key{}.time(timestamppb.New(time.Unix(5, 1)))},
		{key{}.text("a").text("z"), key{}.text("a\x00").text("a"), key{}.text("ab").text("a")},
	}
	for _, keys := range asc {
		if !slices.IsSortedFunc(keys, func(a, b key) int { return strings.Compare(string(a), string(b)) }) {
			t.Errorf("%q", keys)
		}
		var desc []key
		for _, k := range keys {
			desc = append(desc, descending(func(to key, k key) key { return append(to, k...) })(nil, k))
		}
		if slices.Reverse(desc); !slices.IsSortedFunc(desc, func(a, b key) int { return strings.Compare(string(a), string(b)) }) {
			t.Errorf("from the end: %q", desc)
		}
	}
}

func FuzzPageToken(f *testing.F) {
	s, p := newServiceOf(f)
	p.assets = someAssets(50, rand.New(rand.NewPCG(9, 9)))
	good, err := s.ListAssets(f.Context(), &demarcv1.ListAssetsRequest{PageSize: 3, OrderBy: "vendor desc"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.GetNextPageToken(), "vendor desc", "siemens")
	f.Add("", "site, address desc", "10.0 \xff")
	f.Fuzz(func(t *testing.T, token, order, words string) {
		a, err := s.ListAssets(reader(t), &demarcv1.ListAssetsRequest{PageSize: 5, PageToken: token, OrderBy: order, Search: words})
		if err != nil && status.Code(err) != codes.InvalidArgument || len(a.GetAssets()) > 5 {
			t.Errorf("%d rows, %v", len(a.GetAssets()), err)
		}
	})
}

// A page of 100 out of 100,000 assets, filtered and sorted.
func BenchmarkPage(b *testing.B) {
	s, p := newServiceOf(b)
	p.assets = someAssets(100_000, rand.New(rand.NewPCG(1, 1)))
	for name, r := range map[string]*demarcv1.ListAssetsRequest{
		"whole":          {},
		"sorted":         {OrderBy: "vendor, last_seen desc"},
		"filter-sorted":  {Boundary: "line4", Vendor: "ABB", OrderBy: "name"},
		"search-sorted":  {Search: "siemens 10.0", OrderBy: "last_seen desc"},
		"search-nothing": {Search: "nowhere"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.ListAssets(reader(b), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is kept of rows finds the same as reading them does, and is dropped when
// they have been replaced.
func TestTextsFindWhatReadingFinds(t *testing.T) {
	var kept texts[*demarcv1.Asset]
	rnd := rand.New(rand.NewPCG(3, 5))
	rows := someAssets(300, rnd)
	for _, asked := range []string{"", "siemens", "SIEMENS 10.0", "0.1", "nowhere", "line4 abb", "s"} {
		words, err := newSearch(asked)
		if err != nil {
			t.Fatal(err)
		}
		got := kept.find(rows, words, assetTexts)
		want := slices.DeleteFunc(slices.Clone(rows), func(a *demarcv1.Asset) bool { return !words.in(assetTexts(a)) })
		if !slices.Equal(got, want) {
			t.Errorf("%q: %d rows, want %d", asked, len(got), len(want))
		}
	}
	words, _ := newSearch("siemens")
	for range 3 * maxStale / len(rows) {
		kept.find(someAssets(len(rows), rnd), words, assetTexts)
	}
	if n := len(kept.of); n > maxStale+2*len(rows) {
		t.Errorf("%d texts are kept of %d rows", n, len(rows))
	}
}
