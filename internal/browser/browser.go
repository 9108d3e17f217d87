// Package browser drives a headless Chromium from tests: open a page, ask it
// questions in JavaScript, take a picture. It speaks the DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/) over a pipe.
package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"demarc/internal/netsim"
)

// Page is one tab.
type Page struct {
	t       testing.TB
	out     io.Writer
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	logged  []string
	asked   []string
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

const patience = 2 * time.Minute

// Open starts Chromium with an empty profile and opens url; certificates are
// not checked. The test is skipped, or fails, without Chromium.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	netsim.Need(t, "chromium")
	toR, toW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromR, fromW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--ignore-certificate-errors", "--window-size=1500,1400", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{toR, fromW} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = toR.Close(), fromW.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_, _ = toW.Close(), fromR.Close()
	})
	p := &Page{t: t, out: toW, waiting: map[int]chan answer{}}
	go p.listen(fromR)
	var target struct{ TargetID string }
	p.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.Go(url)
	return p
}

// listen reads what Chromium says: JSON texts that end in a zero byte.
func (p *Page) listen(r io.Reader) {
	b := bufio.NewReaderSize(r, 1<<20)
	for {
		text, err := b.ReadBytes(0)
		if err != nil {
			return
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) != nil {
			continue
		}
		p.mu.Lock()
		if c := p.waiting[a.ID]; c != nil {
			delete(p.waiting, a.ID)
			c <- a
		}
		p.event(a)
		p.mu.Unlock()
	}
}

// event keeps what a test may ask for later.
func (p *Page) event(a answer) {
	switch a.Method {
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
		p.logged = append(p.logged, a.Method+" "+string(a.Params))
	case "Network.requestWillBeSent":
		var r struct{ Request struct{ URL string } }
		if json.Unmarshal(a.Params, &r) == nil {
			p.asked = append(p.asked, r.Request.URL)
		}
	}
}

func (p *Page) call(method string, params, result any) {
	p.t.Helper()
	p.mu.Lock()
	p.next++
	id, c := p.next, make(chan answer, 1)
	p.waiting[id] = c
	p.mu.Unlock()
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if p.session != "" {
		m["sessionId"] = p.session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.out.Write(append(raw, 0)); err != nil {
		p.t.Fatal(err)
	}
	select {
	case a := <-c:
		if a.Error != nil {
			p.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				p.t.Fatal(err)
			}
		}
	case <-time.After(patience):
		p.t.Fatalf("chromium does not answer %s", method)
	}
}

// Go opens another address in the same tab.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.call("Page.navigate", map[string]any{"url": url}, nil)
}

// Eval is the value of a JavaScript expression, as text.
func (p *Page) Eval(expression string) string {
	p.t.Helper()
	var r struct {
		Result struct{ Value any }
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	return fmt.Sprint(r.Result.Value)
}

// Wait asks until the expression is true.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); p.Eval("Boolean("+expression+")") != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the page does not come to: %s; it logged %q", expression, p.Logged())
		}
	}
}

// Logged is what the page wrote to its console, errors and refusals included.
func (p *Page) Logged() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.logged...)
}

// Asked is every address that the page requested.
func (p *Page) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// Screenshot writes a PNG of the visible part.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	var r struct{ Data string }
	p.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	raw, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
