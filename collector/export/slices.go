package export

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"

	"demarc/internal/slice"
	demarcv1 "demarc/proto/demarc/v1"
)

// slicesName lists the frames that were recorded, sliceFolder holds them.
const (
	slicesName  = "slices.json"
	sliceFolder = "slices/"
)

// sliceLine is a slice in slicesName.
type sliceLine struct {
	ID         string         `json:"id"`
	Connection string         `json:"connection"`
	SHA256     string         `json:"sha256"` // of the frames, a pcapng file
	Here       bool           `json:"here"`   // the frames are in the package
	Manifest   slice.Manifest `json:"manifest"`
}

// recorded writes the frames of the connections that findings are made of: who
// recorded them and their hash, and, where frames are wanted and the caller may
// have them, themselves with what shows who sealed them.
func (f *facts) recorded(ctx context.Context, p *packer) error {
	var connections []string
	for _, x := range f.Findings {
		connections = append(connections, x.GetFinding().GetConnections()...)
		connections = append(connections, x.GetFinding().GetPast()...)
	}
	slices.Sort(connections)
	listed := []sliceLine{}
	for _, x := range f.lists.SlicesAt(ctx, slices.Compact(connections), f.at.AsTime()) {
		line := sliceLine{x.ID(), x.Slice.Connection, x.Manifest.SHA256, !f.WithoutSlices && f.lists.MayReadSlice(ctx, x), *x.Manifest}
		if listed = append(listed, line); !line.Here {
			continue
		}
		data, err := f.lists.Slices.Data(ctx, x)
		if err != nil {
			return err
		}
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: x.Certificate})
		for _, part := range []struct{ end, words, text string }{
			{".pcapng", fmt.Sprintf("%d frames of connection %s, as agent %s recorded them", x.Frames, line.Connection, x.Agent), string(data)},
			{".json", "what agent " + x.Agent + " signed of " + line.ID + ", its SHA-256 in it", string(x.Slice.Manifest)},
			{".sig", "the signature of that", string(x.Signature)},
			{".crt", "the certificate of agent " + x.Agent, string(certificate)},
		} {
			if err := f.put(p, sliceFolder+line.ID+part.end, part.words, text(part.text)); err != nil {
				return err
			}
		}
	}
	return f.put(p, slicesName, "the frames that agents recorded of connections with a finding: which, who recorded them, and their SHA-256", func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", " ")
		return out.Encode(listed)
	})
}

// maxSlices is how large the list of slices may be, in bytes.
const maxSlices = 64 << 20

// slices checks the seal of every slice in the package.
func (v *verifier) slices() (string, error) {
	if v.files[slicesName] == nil {
		return "none: it was made by a version that kept none", nil
	}
	raw, err := v.read(slicesName, maxSlices)
	if err != nil {
		return "", err
	}
	var all []sliceLine
	if err := json.Unmarshal(raw, &all); err != nil {
		return "", fmt.Errorf("%s: %w", slicesName, err)
	}
	authority, err := v.certificate(certificateName)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "none", nil
	}
	here := 0
	var bad []error
	for _, x := range all {
		if !x.Here {
			continue
		}
		here++
		if err := v.slice(x, authority); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", cut(x.ID), err))
		}
	}
	return fmt.Sprintf("%d, each sealed by the agent that recorded it; %d more are told with their SHA-256 alone", here, len(all)-here), errors.Join(bad...)
}

func (v *verifier) slice(x sliceLine, authority *x509.Certificate) error {
	name := sliceFolder + x.ID
	certificate, err := v.certificate(name + ".crt")
	if err != nil {
		return err
	}
	var parts [3][]byte
	for i, end := range []string{".json", ".sig", ".pcapng"} {
		if parts[i], err = v.read(name+end, demarcv1.MaxSlice); err != nil {
			return err
		}
	}
	m, err := slice.Verify(parts[0], parts[1], parts[2], certificate, authority)
	if err == nil && m.SHA256 != x.SHA256 {
		err = fmt.Errorf("%s says another SHA-256 of it", slicesName)
	}
	return err
}

// certificate reads a certificate in PEM.
func (v *verifier) certificate(name string) (*x509.Certificate, error) {
	raw, err := v.read(name, maxCertificate)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New(name + ": no certificate in PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}
