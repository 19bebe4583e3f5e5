package orderedjson

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Parse reads an object and keeps the order of members and the text of numbers: objects inside are *Object too, lists
// []any, numbers json.Number.
func Parse(text []byte) (*Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := value(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, errors.New("not an object")
	}
	return o, nil
}

func value(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		o := &Object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			member, err := value(d)
			if err != nil {
				return nil, err
			}
			o.Set(name.(string), member)
		}
		_, err := d.Token()
		return o, err
	}
	return token, nil
}
