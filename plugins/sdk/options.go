package sdk

// Options are the values of a generator's options by name. Those that reach a
// generator are complete and valid by its schema, so the typed accessors
// panic only if the author asks for a name that the schema does not have.
type Options map[string]string
