package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visitor is somebody at the pages of a collector, signed in by a link.
type visitor struct {
	http.Client
	t      *testing.T
	origin string
}

func (p *plantProcess) visitor() *visitor {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	link := string(regexp.MustCompile(`https://\S+`).Find(p.must("sign-in")))
	v := &visitor{t: p.t, origin: link[:strings.Index(link, "/sign-in")]}
	v.Client = http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	if code, text := v.ask(http.MethodGet, link[len(v.origin):], nil, nil); code != http.StatusOK {
		p.t.Fatalf("%d %s", code, text)
	}
	return v
}

// ask sends body and reads the answer into to.
func (v *visitor) ask(method, path string, body io.Reader, to any) (code int, text string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.origin+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	a, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // read whole below
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if to != nil {
		if err := json.Unmarshal(raw, to); err != nil {
			v.t.Fatalf("%s: %v", raw, err)
		}
	}
	return a.StatusCode, string(raw)
}

type uploads struct {
	Uploads []struct{ ID, Name, Site, State, Words, Bytes, Done string }
	Unable  string
	None    string `json:"no_example"`
}

// begin announces a capture and returns its id.
func (v *visitor) begin(name string, size int) (id string, code int, text string) {
	v.t.Helper()
	var begun struct{ Upload struct{ ID string } }
	code, text = v.ask(http.MethodPost, "/api/v1/uploads", strings.NewReader(fmt.Sprintf(`{"name":%q,"bytes":"%d","site":"north","segment":"line4"}`, name, size)), &begun)
	return begun.Upload.ID, code, text
}

// drop brings a capture and waits until it was read.
func (v *visitor) drop(name string, capture []byte) (state, words string) {
	v.t.Helper()
	id, code, text := v.begin(name, len(capture))
	if code != http.StatusOK {
		v.t.Fatalf("%d %s", code, text)
	}
	if code, text := v.ask(http.MethodPut, "/api/v1/uploads/"+id+"/content", bytes.NewReader(capture), nil); code != http.StatusOK {
		v.t.Fatalf("%d %s", code, text)
	}
	return v.read(id)
}

// read waits until the last capture was read.
func (v *visitor) read(id string) (state, words string) {
	v.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var all uploads
		v.ask(http.MethodGet, "/api/v1/uploads", nil, &all)
		switch u := all.Uploads[0]; {
		case u.ID != id:
			v.t.Fatalf("%+v", all)
		case u.State == "delivered" || u.State == "failed":
			return u.State, u.Words
		case time.Now().After(deadline):
			v.t.Fatalf("not read: %+v", u)
		}
	}
}

// A capture that is dropped into the pages is read by the agent's program, once.
func TestCaptureDroppedIntoThePages(t *testing.T) {
	agent, collector := programs(t)
	c := newCollectorWith(t, collector, fmt.Sprintf("pages: %s\nuploads: {maxMB: 1, agent: %s}", freePort(t), agent))
	v := c.visitor()
	capture, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plant", "line4.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	if state, words := v.drop("../../line4.pcap", capture); state != "delivered" || !strings.Contains(words, "line4.pcap: ") || !strings.Contains(words, "packets") || strings.Contains(words, c.dir) {
		t.Fatalf("%s: %s", state, words)
	}
	assets := c.must("get", "assets", "-o", "json")
	if !bytes.Contains(assets, []byte("10.20.4.")) {
		t.Errorf("%s", assets)
	}
	if state, words := v.drop("again.pcap", capture); state != "delivered" || !strings.Contains(words, "was read before") {
		t.Errorf("%s: %s", state, words)
	}
	if again := c.must("get", "assets", "-o", "json"); !bytes.Equal(again, assets) {
		t.Error("the same capture again changed something")
	}
	if state, words := v.drop("notes.txt", []byte("no capture at all")); state != "failed" || !strings.Contains(words, "notes.txt") {
		t.Errorf("%s: %s", state, words)
	}
	// What lies about itself, or is another's, is not taken.
	if _, code, text := v.begin("big.pcap", 2<<20); code == http.StatusOK || !strings.Contains(text, "uploads.maxMB") {
		t.Errorf("%d %s", code, text)
	}
	id, _, _ := v.begin("long", len(capture)-1)
	for _, want := range []string{"more than", "no such upload"} {
		if code, text := v.ask(http.MethodPut, "/api/v1/uploads/"+id+"/content", bytes.NewReader(capture), nil); code == http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%d %s, want %q", code, text, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(c.dir, "data", "uploads", "*.capture"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// What arrived of a capture outlives the collector: the rest follows.
func TestInterruptedUploadOutlivesTheCollector(t *testing.T) {
	agent, collector := programs(t)
	c := newCollectorWith(t, collector, fmt.Sprintf("pages: %s\nuploads: {maxMB: 1, agent: %s}", freePort(t), agent))
	v := c.visitor()
	capture, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plant", "line4.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	half := len(capture) / 2
	id, _, _ := v.begin("line4.pcap", len(capture))
	if code, text := v.ask(http.MethodPut, "/api/v1/uploads/"+id+"/content", bytes.NewReader(capture[:half]), nil); code == http.StatusOK || !strings.Contains(text, "it goes on from there") {
		t.Fatalf("%d %s", code, text)
	}
	c.kill()
	c.start()
	v = c.visitor()
	var all uploads
	v.ask(http.MethodGet, "/api/v1/uploads", nil, &all)
	if len(all.Uploads) != 1 || all.Uploads[0].State != "receiving" || all.Uploads[0].Done != fmt.Sprint(half) {
		t.Fatalf("%+v", all)
	}
	if code, text := v.ask(http.MethodPut, fmt.Sprintf("/api/v1/uploads/%s/content?from=%d", id, half), bytes.NewReader(capture[half:]), nil); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	if state, words := v.read(id); state != "delivered" || !strings.Contains(words, "packets") {
		t.Errorf("%s: %s", state, words)
	}
}

// An empty collector shows the example plant; one that is not empty does not.
func TestExamplePlantWithOneClick(t *testing.T) {
	agent, collector := programs(t)
	c := newCollectorWith(t, collector, fmt.Sprintf("pages: %s\nuploads: {agent: %s}", freePort(t), agent))
	v := c.visitor()
	if code, text := v.ask(http.MethodPost, "/api/v1/example", strings.NewReader("{}"), nil); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var all uploads
		v.ask(http.MethodGet, "/api/v1/uploads", nil, &all)
		done := 0
		for _, u := range all.Uploads {
			if u.State == "failed" {
				t.Fatalf("%+v", u)
			}
			if u.State == "delivered" {
				done++
			}
		}
		if done == 4 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", all)
		}
	}
	if found := c.must("get", "findings", "-o", "json"); !bytes.Contains(found, []byte("corporate writes to line4 with s7comm")) {
		t.Errorf("%s", found)
	}
	if code, text := v.ask(http.MethodPost, "/api/v1/example", strings.NewReader("{}"), nil); code == http.StatusOK || !strings.Contains(text, "documents are there already") {
		t.Errorf("%d %s", code, text)
	}
}

func TestNoAgentBesideTheCollector(t *testing.T) {
	_, collector := programs(t)
	c := newCollectorWith(t, collector, fmt.Sprintf("pages: %s\nuploads: {agent: /nowhere/demarc-agent}", freePort(t)))
	v := c.visitor()
	var all uploads
	if v.ask(http.MethodGet, "/api/v1/uploads", nil, &all); !strings.Contains(all.Unable, "uploads.agent") || all.None != all.Unable {
		t.Errorf("%+v", all)
	}
	if _, code, text := v.begin("x.pcap", 100); code == http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
}
