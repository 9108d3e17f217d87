package dissect

import (
	"fmt"
	"testing"
)

func TestHTTPDocuments(t *testing.T) {
	const soap = `<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body><b:ProcessProductionSchedule releaseID="6"><b:ApplicationArea/></b:ProcessProductionSchedule></s:Body></s:Envelope>`
	for _, c := range []struct{ kind, body, want string }{
		{"text/xml; charset=utf-8", soap, ` | b2mml.message="ProcessProductionSchedule"(http.body.root,content)`},
		{"application/xml", "<MATMAS05><IDOC BEGIN=\"1\"/></MATMAS05>", ` | idoc.message="IDOC"(http.body.element,content)`},
		{"application/xml", "<ShowBatchInformation/>", ` | b2mml.message="ShowBatchInformation"(http.body.root,content)`},
		{"application/json", soap, ""},
		{"application/xml", "<ProcessProductionSchedules/>", ""},
		{"application/xml", "<ProcessOrder><ProductionSchedule/></ProcessOrder>", ""},
	} {
		message := fmt.Sprintf("POST /x HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", c.kind, len(c.body), c.body)
		for _, one := range []bool{false, true} {
			k := &talk{t: t, d: &http{}, port: 8081, stream: true}
			expectTold(t, feed(t, k, 0, message, one), "client write=1"+c.want)
		}
	}
}
