package condition

// Sights looks at every boundary of the documents over the last Window.
func Sights(w World) map[string]Sight {
	y := newEye(w)
	all := map[string]Sight{}
	for _, b := range w.Policy.Boundaries() {
		all[b.Name] = y.of(b.Name, w.Now.Add(-Window), w.Now)
	}
	return all
}
