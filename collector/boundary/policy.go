package boundary

// Documents is what Read accepted.
type Documents struct {
	Warnings Problems // what is read and worth a second thought; refuses nothing
}

// Read reads every document of files, or refuses them all: the error is then
// Problems, which lists every one.
func Read(files []File) (*Documents, error) { return &Documents{}, nil }

// Policy is what the documents come to, ready to place and judge. It never
// changes and is safe for concurrent use.
type Policy struct{ version uint64 }

// Compile makes the policy of documents that Read accepted; nil or empty
// documents make a policy without boundaries.
func Compile(d *Documents, version uint64) (*Policy, error) { return &Policy{version: version}, nil }

// Version is the number that the policy was compiled with.
func (p *Policy) Version() uint64 { return p.version }
