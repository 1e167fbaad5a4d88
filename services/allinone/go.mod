module github.com/wandstore/wandstore/services/allinone

go 1.26.0
