package store

import "time"

// Agent is an enrolled agent. JSON is how stores keep it.
type Agent struct {
	Name     string    `json:"name"`
	Site     string    `json:"site"`
	Hostname string    `json:"hostname,omitempty"`
	Version  string    `json:"version,omitempty"`
	Segments []string  `json:"segments,omitempty"`
	Enrolled time.Time `json:"enrolled"`
	// Serial and Expires are of the newest certificate.
	Serial  string    `json:"serial"`
	Expires time.Time `json:"expires"`
	// Revoked is when the agent was revoked, zero if it was not.
	Revoked time.Time `json:"revoked,omitzero"`
	// RevokedSerials are certificates that another enrolment replaced.
	RevokedSerials []string `json:"revoked_serials,omitempty"`
	// Epoch is the one it reported with last.
	Epoch Epoch `json:"epoch,omitzero"`
	// Carried is how it was by the last of its bundles; nil for one that reports
	// by a link.
	Carried *Carried `json:"carried,omitempty"`
}

// Carried is how an agent was when it wrote a bundle.
type Carried struct {
	Written   time.Time `json:"written"`             // by its clock
	Heartbeat []byte    `json:"heartbeat,omitempty"` // a demarcv1.Heartbeat; empty where no agent ran
}

// Token is what is kept of an enrolment token: not its secret.
type Token struct {
	Name    string    `json:"name"`
	Hash    []byte    `json:"hash"` // of the secret
	Site    string    `json:"site"`
	Agent   string    `json:"agent,omitempty"` // empty: the host's name
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Used is when it was used, UsedBy the agent and UsedKey the fingerprint
	// of its key: the same agent may ask again when the answer was lost.
	Used    time.Time `json:"used,omitzero"`
	UsedBy  string    `json:"used_by,omitempty"`
	UsedKey string    `json:"used_key,omitempty"`
}

// Policy is one version of the boundary documents, as they were applied.
type Policy struct {
	Version   uint64     `json:"version"`
	Applied   time.Time  `json:"applied"`
	Documents []Document `json:"documents"`
	// Resolved is what roles and names in them came to when they were applied:
	// addresses, by the place in the documents.
	Resolved map[string][]string `json:"resolved,omitempty"`
	// Proposal is the one that was confirmed with this version; empty where it
	// acted at once.
	Proposal string `json:"proposal,omitempty"`
}

// Document is one file of boundary documents.
type Document struct {
	Path    string `json:"path"`
	Content []byte `json:"content"`
}
