package deliver

import "encoding/json"

// plain is the event as it is, in JSON.
func plain(e *Event, a *About) []byte {
	text, err := json.Marshal(struct {
		Schema string `json:"schema"`
		*Event
		Level     string `json:"level"`
		Link      string `json:"link,omitempty"`
		Collector string `json:"collector,omitempty"`
		Version   string `json:"version"`
	}{"demarc.event/1", e, Level(e.Severity), e.link(a), a.Host, a.Version})
	if err != nil {
		panic("deliver: " + err.Error()) // strings, numbers and times of our own always marshal
	}
	return text
}
