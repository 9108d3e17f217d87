package main

import (
	"archive/tar"
	"os"
	"path/filepath"
	"testing"
)

func TestRestoreIsTheCollector(t *testing.T) {
	data := serve(t)
	works(t, "", "apply", "-f", example, "--data="+data)
	want := works(t, "line4", "get", "boundaries", "--data="+data)
	file, back := filepath.Join(t.TempDir(), "b.tar"), filepath.Join(t.TempDir(), "back")
	works(t, "bytes.", "backup", file, "--data="+data)
	works(t, "is restored: the last of ", "restore", file, "--data="+back)
	if got := works(t, "line4", "get", "boundaries", "--data="+serveIn(t, back)); got != want {
		t.Errorf("restored\n%s\nwas\n%s", got, want)
	}
	fails(t, "is not empty", "restore", file, "--data="+back)
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	data := serve(t)
	file := filepath.Join(dir, "b.tar")
	works(t, "bytes.", "backup", file, "--data="+data)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	packed := func(name string, entries ...tar.Header) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(f)
		for _, h := range entries {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		return path
	}
	for name, c := range map[string]struct{ file, want string }{
		"text":           {write("x.txt", []byte("no tar")), "not a backup, or cut off"},
		"cut off":        {write("cut.tar", whole[:len(whole)/2]), ""},
		"nothing":        {packed("none.tar"), "0 stores and 0 keys"},
		"without keys":   {packed("store.tar", tar.Header{Name: "demarc.db", Typeflag: tar.TypeReg}), "1 stores and 0 keys"},
		"another place":  {packed("up.tar", tar.Header{Name: "pki/../../x", Typeflag: tar.TypeReg}), "it holds \"pki/../../x\""},
		"a link":         {packed("link.tar", tar.Header{Name: "pki/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "it holds \"pki/x\""},
		"something else": {packed("else.tar", tar.Header{Name: "x", Typeflag: tar.TypeReg}), "it holds \"x\""},
	} {
		to := filepath.Join(dir, "to "+name)
		fails(t, c.want, "restore", c.file, "--data="+to)
		if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v (%v)", name, left, err)
		}
	}
}
