package demarcv1

import _ "embed"

// OpenAPI is the OpenAPI 2.0 document of the REST form, made from the contract
// and rest.yaml.
//
//go:embed openapi.swagger.json
var OpenAPI []byte
