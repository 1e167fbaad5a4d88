module github.com/wandstore/wandstore/services/edge

go 1.26.0
