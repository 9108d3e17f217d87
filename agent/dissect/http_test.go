package dissect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func FuzzHTTP(f *testing.F) { fuzzDissector(f, "http", true) }

// feed gives a whole direction to a dissector, byte by byte when one is true,
// and returns what was told.
func feed(t *testing.T, k *talk, side int, s string, one bool) string {
	t.Helper()
	var told []string
	end := len(s)
	if one {
		end = 1
	}
	for off := 0; off < len(s); {
		k.log.reset()
		used, err := k.d.Dissect(k.message(side, []byte(s[off:max(end, off+1)])), &k.log)
		switch {
		case errors.Is(err, ErrShort) && max(end, off+1) < len(s):
			end = max(end, off+1) + 1
			continue
		case err != nil:
			t.Fatalf("at %q: %v", s[off:min(len(s), off+40)], err)
		}
		if text := told2text(&k.log); text != "" {
			told = append(told, text)
		}
		off += used
	}
	return strings.Join(told, " | ")
}

func TestHTTPBodies(t *testing.T) {
	requests := "GET /a HTTP/1.1\r\nHost: line4.example.test\r\n\r\n" + "HEAD /b HTTP/1.1\r\n\r\n" +
		"POST /c HTTP/1.1\r\nContent-Length: 12\r\n\r\nGET / HTTP/1" + "PUT /d HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n" +
		"DELETE /e HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n"
	answers := "HTTP/1.1 200 OK\r\nServer: s1\r\nContent-Length: 5\r\n\r\nHTTP/" + "HTTP/1.1 200 OK\r\nServer: s2\r\nContent-Length: 500\r\n\r\n" +
		"HTTP/1.1 100 Continue\r\n\r\n" + "HTTP/1.1 204 No Content\r\nServer: s3\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: s4\r\n\r\nb\r\nHTTP/1.1 20\r\n0\r\n\r\n" +
		"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"hall 2\", nonce=1\r\nContent-Length: 0\r\n\r\n"
	for _, one := range []bool{false, true} {
		k := &talk{t: t, d: &http{}, port: 8081, stream: true}
		expectTold(t, feed(t, k, 0, requests, one), `client read=1 receiverhttp.host="line4.example.test"(http.host,content) | client read=1 | client write=1 | client write=1 | client write=1 authenticate=1`)
		expectTold(t, feed(t, k, 1, answers, one), `server http.server="s1"(http.server,content) | server http.server="s2"(http.server,content) | server | `+
			`server http.server="s3"(http.server,content) | server http.server="s4"(http.server,content) | server http.realm="hall 2"(http.www_authenticate,content)`)
	}
}

func TestHTTPTitle(t *testing.T) {
	page := "<html><b><TITLE lang=en>\r\n Line 4\n drive </title></html>"
	for name, c := range map[string]struct{ head, body string }{
		"length":   {fmt.Sprintf("Content-Length: %d\r\n", len(page)), page},
		"to close": {"", page},
		"chunked":  {"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n", len(page)) + page + "\r\n0\r\n\r\n"},
	} {
		for _, one := range []bool{false, true} {
			k := &talk{t: t, d: &http{}, port: 80, stream: true}
			got := feed(t, k, 1, "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"+c.head+"\r\n"+c.body, one)
			if got != `server | http.title="Line 4 drive"(http.title,content)` {
				t.Errorf("%s, byte by byte %v: %s", name, one, got)
			}
		}
	}
}

func TestHTTPConnectAndUpgradeSwitch(t *testing.T) {
	k := &talk{t: t, d: &http{}, port: 3128, stream: true}
	expectTold(t, k.say(0, []byte("CONNECT router15.teamviewer.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")), `client read=1 remote_tool="TeamViewer"(http.host,content)`)
	k.say(1, []byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	if last := k.log.last(); last.kind != toldSwitch || last.text != "" {
		t.Errorf("told %+v, want a switch", last)
	}
	k.say(0, []byte("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"))
	k.say(1, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"))
	if last := k.log.last(); last.kind != toldSwitch {
		t.Errorf("told %+v, want a switch", last)
	}
}

func TestHTTPBodyIsPassedOver(t *testing.T) {
	k := &talk{t: t, d: &http{}, port: 80, stream: true}
	b := []byte("PUT /firmware HTTP/1.1\r\nContent-Length: 5000000\r\n\r\nabc")
	used, err := k.d.Dissect(k.message(0, b), &k.log)
	if want := len(b) - 3 + 5000000; err != nil || used != want {
		t.Errorf("used %d, %v, want %d", used, err, want)
	}
}

func TestHTTPRefuses(t *testing.T) {
	for _, s := range []string{"GET / RTSP/1.0\r\n\r\n", "OPTIONS sip:a@b SIP/2.0\r\n\r\n", "HTTP/1.1 9 x\r\n\r\n", "HTTP/2.0 200\r\n\r\n", "GETTER / HTTP/1.1\r\n\r\n", "GET \r\n\r\n", "GET\x00 / HTTP/1.1\r\n\r\n", "220 ftp\r\n"} {
		k := &talk{t: t, d: &http{}, port: 80, stream: true}
		k.refused(0, []byte(s), ErrNotMine)
	}
}

func TestHTTPResync(t *testing.T) {
	d := &http{}
	for s, want := range map[string]int{"junk\r\nGET / HTTP/1.1\r\n": 6, "x\nHTTP/1.1 200 OK\r\n": 2, "nothing\n": -1, "POST / HTTP/1.1": 0} {
		if got := d.Resync([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
