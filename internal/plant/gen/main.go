// Command gen writes the captures of the example plant into testdata/plant.
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"demarc/internal/plant"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("o", "testdata/plant", "folder to write to")
	seed := flag.Int64("seed", plant.Seed, "seed")
	clean := flag.Bool("clean", false, "leave the planted faults out")
	flag.Parse()
	files, err := plant.Generate(*seed, !*clean)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(*dir, name)
		if err := os.WriteFile(path, files[name], 0o600); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%8d bytes  %s\n", len(files[name]), path)
	}
}
