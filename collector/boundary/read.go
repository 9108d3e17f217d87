package boundary

import (
	"cmp"
	"slices"
)

// Read reads every document of files, or refuses them all: the error is then
// Problems, which lists every one. The order of files does not matter beyond
// the order of what is told.
func Read(files []File) (*Documents, error) {
	var problems, warnings Problems
	docs := &Documents{}
	whole := true // every document's name is known, so that a missing name can be told
	for _, f := range files {
		nodes, parts, bad := documentsOf(f)
		problems = append(problems, bad...)
		whole = whole && len(bad) == 0
		for i, n := range nodes {
			d := &decoder{file: f.Path, line: parts[i].line}
			whole = d.document(n, docs) && whole
			problems = append(problems, d.problems...)
			warnings = append(warnings, d.warnings...)
		}
	}
	c := checker{docs: docs, whole: whole}
	c.all()
	problems = append(problems, c.problems...)
	if len(problems) > 0 {
		return nil, sorted(problems)
	}
	strays, err := strays(docs)
	if err != nil {
		return nil, err
	}
	docs.Warnings = sorted(slices.Concat(warnings, c.warnings, strays))
	return docs, nil
}

func sorted(p Problems) Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.Compact(p)
}
