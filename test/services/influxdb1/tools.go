//go:build tools

// Package influxdb1 pins what the tests' InfluxDB 1.8 is built of.
package influxdb1

import _ "github.com/influxdata/influxdb/cmd/influxd"
