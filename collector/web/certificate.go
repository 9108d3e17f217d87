package web

import (
	"io/fs"
	"net"
	"net/http"

	"google.golang.org/grpc/status"
)

const certificatePath = "/sign-in/certificate"

// Knock serves the one page of the listener that asks browsers for a
// certificate. Who shows one that names an account has a session, and goes on
// to the pages of c at port of the same host. Cookies know no ports.
func Knock(c Config, port string) (http.Handler, error) {
	dist, err := fs.Sub(built, "ui/dist")
	if err != nil {
		return nil, err
	}
	p, files, mux := &pages{Config: c}, loadFiles(dist), http.NewServeMux()
	mux.HandleFunc("GET "+certificatePath, func(w http.ResponseWriter, r *http.Request) {
		session, life, err := p.SignIn.Certificate(r.Context(), p.Certificates, r.TLS.PeerCertificates, r.RemoteAddr)
		if err != nil {
			p.Log.Warn("sign-in refused", "from", r.RemoteAddr, "error", err)
			p.show(w, codeOf(err), say{
				Title: "Not signed in", Problem: status.Convert(err).Message(),
				Others: []other{{"Try again", r.URL.RequestURI()}, {"Sign in another way", at(r, port) + "/sign-in"}},
			})
			return
		}
		p.begin(w, r, session, life)
		http.Redirect(w, r, at(r, port)+inside(r.URL.Query().Get("next")), http.StatusSeeOther) //nolint:gosec // this machine, as the browser called it
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if !public(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})
	return headers(timed(mux)), nil
}

// at is the address of another port of the host that the browser asked.
func at(r *http.Request, port string) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return "https://" + net.JoinHostPort(host, port)
}
