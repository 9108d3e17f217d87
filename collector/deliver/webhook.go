package deliver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"demarc/collector/config"
)

// Headers of a signed call: the signature is "sha256=" and the HMAC-SHA256, in
// hexadecimal, of the timestamp (Unix seconds), a full stop and the body.
const (
	HeaderTimestamp = "Demarc-Timestamp"
	HeaderSignature = "Demarc-Signature"
)

// Bounds of a call. A receiver that asks for a pause gets one within these.
const (
	callTime   = time.Minute
	maxAnswer  = 64 << 10
	maxBody    = 1 << 20
	leastPause = time.Second
	mostPause  = time.Hour
)

// webhook posts JSON arrays of events.
type webhook struct {
	to     config.Destination
	client *http.Client
}

func newWebhook(d config.Destination) (*webhook, error) {
	w := &webhook{to: d}
	if _, err := w.headers(nil, time.Now()); err != nil {
		return nil, err
	}
	settings, err := trust(d)
	if err != nil {
		return nil, err
	}
	w.client = &http.Client{
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: writeTime,
			MaxIdleConns: 1, IdleConnTimeout: callTime, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: true,
		},
	}
	return w, nil
}

func (w *webhook) close() { w.client.CloseIdleConnections() }

// headers are those that prove who calls; the files are read again each time.
func (w *webhook) headers(body []byte, now time.Time) (http.Header, error) {
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"demarc-collector"}}
	if w.to.TokenFile != "" {
		token, err := secret("tokenFile", w.to.TokenFile)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(token, " ") {
			token = "Bearer " + token
		}
		h.Set("Authorization", token)
	}
	if w.to.SecretFile != "" {
		key, err := secret("secretFile", w.to.SecretFile)
		if err != nil {
			return nil, err
		}
		at := strconv.FormatInt(now.Unix(), 10)
		h.Set(HeaderTimestamp, at)
		h.Set(HeaderSignature, Sign(key, at, body))
	}
	return h, nil
}

// Sign is the signature of a body that is sent at a timestamp.
func Sign(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (w *webhook) send(ctx context.Context, all []message) (answer string, err error) {
	for len(all) > 0 {
		n, body := pack(all)
		if answer, err = w.post(ctx, body); err != nil {
			return "", err
		}
		all = all[n:]
	}
	return answer, nil
}

// pack is an array of the first n messages, as many as fit.
func pack(all []message) (n int, body []byte) {
	body = []byte("[")
	for n < len(all) && (n == 0 || len(body)+len(all[n].text) < maxBody) {
		if n > 0 {
			body = append(body, ',')
		}
		body = append(append(body, '\n'), all[n].text...)
		n++
	}
	return n, append(body, "\n]\n"...)
}

func (w *webhook) post(ctx context.Context, body []byte) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.to.To, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	now := time.Now()
	if r.Header, err = w.headers(body, now); err != nil {
		return "", err
	}
	a, err := w.client.Do(r)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the address, whose query may be nobody's business
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = a.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(a.Body, maxAnswer)) // what it says is a comment
	words := "HTTP " + Clean(a.Status, maxName)
	if said := Clean(strings.TrimSpace(string(text)), 160); said != "" {
		words += ": " + said
	}
	switch {
	case a.StatusCode/100 == 2:
		return words, nil
	case a.StatusCode/100 == 3:
		return "", fmt.Errorf("%s: it points to %q, which is not followed: write that address if it is right", words, Clean(a.Header.Get("Location"), maxName))
	case a.StatusCode == http.StatusTooManyRequests, a.StatusCode == http.StatusServiceUnavailable:
		if after := pause(a.Header.Get("Retry-After"), now); after > 0 {
			return "", &laterError{fmt.Errorf("%s: it asks for a pause of %v", words, after), after}
		}
	}
	return "", fmt.Errorf("%s", words)
}

// pause reads Retry-After, in seconds or as a date; 0 when it is neither.
func pause(s string, now time.Time) time.Duration {
	after := time.Duration(0)
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		after = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(s); err == nil {
		after = t.Sub(now)
	} else {
		return 0
	}
	return min(max(after, leastPause), mostPause)
}
