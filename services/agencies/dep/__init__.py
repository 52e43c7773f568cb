"""The Department of Empowerment of Persons with Disabilities: disability cards."""
