// Command gen rewrites mac-prefixes.tsv of internal/tables from the CSV files of
// Debian's ieee-data package: go run ./gen -from /usr/share/ieee-data.
package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// files maps each listing to the hexadecimal digits of its prefixes.
var files = map[string]int{"oui.csv": 6, "mam.csv": 7, "oui36.csv": 9, "iab.csv": 9}

func main() {
	from := flag.String("from", "/usr/share/ieee-data", "directory of the CSV files")
	to := flag.String("o", "mac-prefixes.tsv", "file to write")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	names := map[string]string{}
	for file, digits := range files {
		if err := read(filepath.Join(from, file), digits, names); err != nil {
			return err
		}
	}
	date, err := listingDate(from)
	if err != nil {
		return err
	}
	lines := make([]string, 0, len(names))
	for prefix, name := range names {
		lines = append(lines, prefix+"\t"+name)
	}
	// The columns sort as wanted because a tab is lower than every digit.
	slices.Sort(lines)
	header := "# MAC address prefixes (MA-L, MA-M, MA-S, IAB).\n" +
		"# source: IEEE Registration Authority, as Debian's package ieee-data carries it\n" +
		"# date: " + date + "\n# licence: public domain\n# prefix<TAB>organization; written by internal/oui/gen, not by hand.\n"
	return os.WriteFile(to, []byte(header+strings.Join(lines, "\n")+"\n"), 0o644) //nolint:gosec // a public table
}

// read adds the assignments of one listing to names.
func read(path string, digits int, names map[string]string) error {
	f, err := os.Open(path) //nolint:gosec // the caller names it
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	r := csv.NewReader(bufio.NewReader(f))
	r.FieldsPerRecord = -1
	if _, err := r.Read(); err != nil {
		return fmt.Errorf("%s: header: %w", path, err)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if len(row) < 3 || len(row[1]) != digits {
			return fmt.Errorf("%s: row %q: want a prefix of %d digits and a name", path, row, digits)
		}
		name := strings.Join(strings.Fields(row[2]), " ")
		// "Private" hides its owner, and the blocks of the IEEE itself are handed on in smaller parts.
		if name == "" || name == "Private" || strings.HasPrefix(name, "IEEE Registration Authority") {
			continue
		}
		prefix := strings.ToLower(row[1])
		// A prefix registered twice keeps the name that sorts first, so that the file is the same each time.
		if had, ok := names[prefix]; !ok || name < had {
			names[prefix] = name
		}
	}
}

// listingDate reads the package's stamp of its last update.
func listingDate(from string) (string, error) {
	b, err := os.ReadFile(filepath.Join(from, ".lastupdate")) //nolint:gosec // the caller names it
	if err != nil {
		return "", err
	}
	sec, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return "", fmt.Errorf(".lastupdate: %w", err)
	}
	return time.Unix(sec, 0).UTC().Format(time.DateOnly), nil
}
