package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"demarc/internal/browser"
	"demarc/internal/netsim"
)

// TestPageFollowsTheCollector opens the one-time link in a browser, and sees
// findings come without a reload. What the pages themselves do is tested beside
// them, see collector/web/ui/test.
func TestPageFollowsTheCollector(t *testing.T) {
	netsim.Need(t, "chromium")
	if _, err := os.Stat(filepath.Join("..", "..", "collector", "web", "ui", "dist", "index.html")); err != nil {
		netsim.Missing(t, "the pages (make pages)")
	}
	agent, collector := programs(t)
	c := newCollectorWith(t, collector, "pages: "+freePort(t))
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	state := t.TempDir()
	c.enrol(agent, state)

	link := string(regexp.MustCompile(`https://\S+`).Find(c.must("sign-in")))
	origin := link[:strings.Index(link, "/sign-in")]
	page := browser.Open(t, link)
	page.Wait(`document.querySelector('#live.live') && document.querySelector('#live').innerText === 'live'`)
	page.Eval(`window.same = true`) // gone after a reload
	page.Eval(`history.pushState(null, '', '/findings'); dispatchEvent(new PopStateEvent('popstate'))`)
	page.Wait(`document.body.innerText.includes('No snapshot shows what lines-ato was decided on')`) // what the documents alone call for

	feedPlant := func(segment string) {
		t.Helper()
		file := filepath.Join("..", "..", "testdata", "plant", segment+".pcap")
		if out, err := exec.Command(agent, "read", "--collector", c.uplinkAddr, "--state", state, "--segment", segment, file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	feedPlant("line4")
	page.Wait(`document.querySelector('.queue')?.innerText.includes('corporate writes to line4 with s7comm')`)
	feedPlant("corp")
	page.Wait(`document.querySelector('.queue').innerText.includes('Remote access by TeamViewer')`)
	if page.Eval(`window.same`) != "true" {
		t.Error("the page was loaded again")
	}
	if text := page.Eval(`document.querySelector('#authority').innerText`); !strings.HasPrefix(text, "authority: none") {
		t.Errorf("the page does not say that nobody authorizes: %q", text)
	}
	for _, asked := range page.Asked() {
		if !strings.HasPrefix(asked, origin) && !strings.HasPrefix(asked, "about:") && !strings.HasPrefix(asked, "blob:"+origin) {
			t.Errorf("the page asks somewhere else: %s", asked)
		}
	}
	if logged := page.Logged(); len(logged) > 0 {
		t.Errorf("the page complains: %q", logged)
	}

	// The link is used, and without a session there is nothing to see.
	stranger := browser.Open(t, link)
	stranger.Wait(`document.body.innerText.includes('does not work any more')`)
	stranger.Go(origin + "/")
	stranger.Wait(`document.body.innerText.includes('Please sign in')`)
	if got := stranger.Eval(`fetch('/api/v1/connections').then(r => r.status)`); got != "401" {
		t.Errorf("the list answers a stranger with %s", got)
	}
}
